/* SPDX-License-Identifier: MIT */
/* Where a failed assert() of <assert.h> ends. Debug builds only: a release defines NDEBUG. */
#include <assert.h>

#include "arch/x86/interrupts.h"

void __assert_func(const char *file, int line, const char *function, const char *expression)
{
	panic("assertion failed: %s, in %s at %s:%d", expression, function, file, line);
}
