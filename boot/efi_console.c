/* SPDX-License-Identifier: MIT */
/* Text on the firmware's console (12.4). */
#include "boot/efi.h"

#include <stdarg.h>
#include <stdio.h>

#define EFI_STAGES 5
#define KEY_SECONDS 10

static void print_list(const char *format, va_list arguments)
{
	char text[512];
	CHAR16 wide[2 * sizeof(text)];
	unsigned length = 0;

	vsnprintf(text, sizeof(text), format, arguments);
	for (const char *at = text; *at; at++) {
		if (*at == '\n')
			wide[length++] = '\r';
		wide[length++] = (uint8_t)*at < 0x80 ? *at : '?';
	}
	wide[length] = 0;
	if (efi_system->ConOut)
		efi_system->ConOut->OutputString(efi_system->ConOut, wide);
}

void efi_print(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_list(format, arguments);
	va_end(arguments);
}

void efi_stage(const char *name, const char *format, ...)
{
	static unsigned stage;
	va_list arguments;

	efi_print("[%u/%u] %s: ", ++stage, EFI_STAGES, name);
	va_start(arguments, format);
	print_list(format, arguments);
	va_end(arguments);
	efi_print("\n");
}

/* Relative timer and key events (7.1); without a keyboard the time passes all the same. */
static void wait_for_key(void)
{
	EFI_BOOT_SERVICES *services = efi_system->BootServices;
	EFI_EVENT events[2];
	EFI_INPUT_KEY key;
	UINTN index, count = 1;

	if (EFI_ERROR(services->CreateEvent(EVT_TIMER, 0, NULL, NULL, &events[0])))
		return;
	services->SetTimer(events[0], TimerRelative, KEY_SECONDS * 10000000ULL);
	if (efi_system->ConIn) {
		efi_system->ConIn->Reset(efi_system->ConIn, FALSE);
		events[count++] = efi_system->ConIn->WaitForKey;
	}
	if (!EFI_ERROR(services->WaitForEvent(count, events, &index)) && index == 1)
		efi_system->ConIn->ReadKeyStroke(efi_system->ConIn, &key);
	services->CloseEvent(events[0]);
}

EFI_STATUS efi_fail(EFI_STATUS status, const char *format, ...)
{
	va_list arguments;

	efi_print("Bulkhead cannot start: ");
	va_start(arguments, format);
	print_list(format, arguments);
	va_end(arguments);
	efi_print("\nBack to the firmware in %u seconds, or at any key.\n", KEY_SECONDS);
	wait_for_key();
	return status;
}
