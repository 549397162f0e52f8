/* SPDX-License-Identifier: MIT */
/*
 * The first process of the boot bench: prints the guest's TSC, which was zero at the partition's start, and turns the
 * machine off. No C library, so that nothing but the kernel's boot is measured.
 */
#define SYS_WRITE  1
#define SYS_REBOOT 169
#define STDOUT     1 /* the kernel opened /dev/console */
#define REBOOT_MAGIC_1 0xfee1dead
#define REBOOT_MAGIC_2 0x28121969
#define REBOOT_POWER_OFF 0x4321fedc

void _start(void);

static long call(long number, long a, long b, long c)
{
	__asm__ volatile("syscall" : "+a"(number) : "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
	return number;
}

static unsigned long ticks(void)
{
	unsigned low, high;

	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high));
	return low | (unsigned long)high << 32;
}

static unsigned decimal(char *to, unsigned long value)
{
	char digits[20];
	unsigned count = 0, length = 0;

	do {
		digits[count++] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	while (count)
		to[length++] = digits[--count];
	return length;
}

void _start(void)
{
	char text[64] = "bench linux-boot ";
	unsigned length = 17;

	length += decimal(text + length, ticks());
	text[length++] = '\n';
	call(SYS_WRITE, STDOUT, (long)text, length);
	call(SYS_WRITE, STDOUT, (long)"bench done\n", 11);
	for (;;)
		call(SYS_REBOOT, REBOOT_MAGIC_1, REBOOT_MAGIC_2, REBOOT_POWER_OFF);
}
