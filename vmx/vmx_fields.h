/* SPDX-License-Identifier: MIT */
/* Every field of the VMCS by name (SDM appendix B). Pure. */
#ifndef VMX_VMX_FIELDS_H
#define VMX_VMX_FIELDS_H

#include <stdint.h>

struct vmx_named_field {
	uint16_t encoding;
	const char *name;
};

/* Exit information, controls, guest's state, host's state. Not every processor has all. */
extern const struct vmx_named_field vmx_named_fields[];
extern const unsigned vmx_named_fields_count;

#endif
