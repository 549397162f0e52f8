/* SPDX-License-Identifier: MIT */
/*
 * The one thing we want from AML: the \_S5 package. It is a constant by the specification (ACPI 7.4.2: evaluated before
 * any method may have run), so its encoding can be looked for without an interpreter. Pure.
 */
#include <string.h>

#include "arch/x86/acpi.h"

/* ACPI 20.2.2, 20.2.3 */
#define AML_ZERO        0x00
#define AML_ONE         0x01
#define AML_NAME        0x08
#define AML_BYTE        0x0a
#define AML_WORD        0x0b
#define AML_DWORD       0x0c
#define AML_PACKAGE     0x12
#define AML_ROOT_PREFIX '\\'

struct aml {
	const uint8_t *bytes;
	size_t size;
	size_t position;
};

static bool take(struct aml *aml, uint8_t *byte)
{
	if (aml->position >= aml->size)
		return false;
	*byte = aml->bytes[aml->position++];
	return true;
}

/* PkgLength (20.2.4): the two high bits of the first byte say how many follow. The value itself is not needed. */
static bool skip_package_length(struct aml *aml)
{
	uint8_t lead;

	if (!take(aml, &lead))
		return false;
	aml->position += lead >> 6;
	return aml->position <= aml->size;
}

/* An integer constant; only its low byte can be a SLP_TYP. */
static bool take_integer(struct aml *aml, uint8_t *value)
{
	uint8_t op;
	unsigned size;

	if (!take(aml, &op))
		return false;
	switch (op) {
	case AML_ZERO:
	case AML_ONE:
		*value = op;
		return true;
	case AML_BYTE:
		size = 1;
		break;
	case AML_WORD:
		size = 2;
		break;
	case AML_DWORD:
		size = 4;
		break;
	default:
		return false;
	}
	if (!take(aml, value))
		return false;
	aml->position += size - 1;
	return aml->position <= aml->size;
}

static bool take_s5(struct aml *aml, uint8_t *typ_a, uint8_t *typ_b)
{
	uint8_t op, count;

	if (!take(aml, &op) || op != AML_PACKAGE || !skip_package_length(aml) || !take(aml, &count) || count < 1)
		return false;
	if (!take_integer(aml, typ_a))
		return false;
	*typ_b = *typ_a;
	if (count > 1 && !take_integer(aml, typ_b))
		return false;
	return *typ_a < 8 && *typ_b < 8; /* SLP_TYPx has three bits (4.8.3.2.1) */
}

bool acpi_find_s5(const uint8_t *aml, size_t size, uint8_t *typ_a, uint8_t *typ_b)
{
	static const uint8_t name[] = {'_', 'S', '5', '_'};
	size_t i;

	for (i = 1; i + sizeof(name) <= size; i++) {
		struct aml rest = {aml, size, i + sizeof(name)};

		if (memcmp(aml + i, name, sizeof(name)) != 0)
			continue;
		if (aml[i - 1] != AML_NAME && !(i >= 2 && aml[i - 1] == AML_ROOT_PREFIX && aml[i - 2] == AML_NAME))
			continue;
		if (take_s5(&rest, typ_a, typ_b))
			return true;
	}
	return false;
}
