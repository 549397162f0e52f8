/* SPDX-License-Identifier: MIT */
/* Negative return codes, where the caller can cope. */
#ifndef KERNEL_ERRNO_H
#define KERNEL_ERRNO_H

enum {
	E_OK = 0,
	E_INVALID = -1,    /* malformed input */
	E_NO_MEMORY = -2,
	E_NOT_FOUND = -3,
	E_RANGE = -4,      /* address or size outside what is there */
	E_UNSUPPORTED = -5,
	E_BUSY = -6,
	E_FULL = -7,
};

#endif
