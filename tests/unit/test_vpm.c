/* SPDX-License-Identifier: MIT */
/* drivers/vpm.c, vkbc.c and vdebug_exit.c: PM timer, fixed events, every way to turn the machine off or reset it. */
#include "tests/unit/fake_host.h"

#include "drivers/vdebug_exit.h"
#include "drivers/vkbc.h"
#include "drivers/vpm.h"
#include "drivers/vticks.h"

static struct vpm pm, pm_copy;
static struct vkbc kbc, kbc_copy;
static struct vdebug_exit debug_exit;

static int setup(void **state)
{
	(void)state;
	fake_init();
	vpm_init(&pm, &fake.host);
	vkbc_init(&kbc, &fake.host);
	vdebug_exit_init(&debug_exit, &fake.host);
	fake.timer = &pm.timer;
	return 0;
}

static uint16_t event(unsigned offset)
{
	return (uint16_t)fake_read(vpm_event_io, &pm.device, 0x600, 0x600 + offset, 2);
}

static void set_event(unsigned offset, uint16_t value)
{
	fake_write(vpm_event_io, &pm.device, 0x600, 0x600 + offset, 2, value);
}

static void set_control(uint16_t value)
{
	fake_write(vpm_control_io, &pm.device, 0x604, 0x604, 2, value);
}

static uint32_t timer(unsigned offset, uint8_t size)
{
	return (uint32_t)fake_read(vpm_timer_io, &pm.device, 0x608, 0x608 + offset, size);
}

static void timer_runs_at_its_rate(void **state)
{
	(void)state;
	assert_int_equal(timer(0, 4), 0);
	fake_advance(1000000000);
	assert_int_equal(timer(0, 4), 3579545);
	fake_write(vpm_timer_io, &pm.device, 0x608, 0x608, 4, 77);
	assert_int_equal(timer(0, 4), 3579545);
	assert_int_equal(timer(0, 2), 3579545 & 0xffff);
	assert_int_equal(timer(2, 2), 3579545 >> 16);
	assert_int_equal(timer(1, 1), 3579545 >> 8 & 0xff);
	fake_advance_to(vticks_to_ns(1ULL << 32, VPM_HZ));
	assert_int_equal(timer(0, 4), 0);
}

static void timer_status_and_interrupt(void **state)
{
	uint64_t half = vticks_to_ns(1ULL << 31, VPM_HZ);

	(void)state;
	fake_advance_to(half);
	assert_int_equal(event(0), 1);
	assert_int_equal(fake.rises[9], 0);
	set_event(0, 1);
	assert_int_equal(event(0), 0);
	set_event(2, 0x0001);
	fake_advance_to(2 * half - 1);
	assert_int_equal(fake.rises[9], 0);
	fake_advance_to(2 * half + 1);
	assert_int_equal(fake.rises[9], 1);
	assert_int_equal(pm.timer.when, UINT64_MAX);
	set_event(0, 1);
	assert_false(fake.line[9]);
	assert_int_equal(pm.timer.when, vticks_to_ns(3ULL << 31, VPM_HZ));
	set_event(2, 0);
	assert_int_equal(pm.timer.when, UINT64_MAX);
}

/* ACPICA reads back what it enables, and complains when it is not there. */
static void enables_read_back(void **state)
{
	static const uint16_t bits[] = { 1 << 0, 1 << 5, 1 << 8, 1 << 9, 1 << 10 };

	(void)state;
	for (unsigned i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		set_event(2, bits[i]);
		assert_int_equal(event(2), bits[i]);
	}
	set_event(2, 0xffff);
	assert_int_equal(event(2), 0x0721);
	fake_write(vpm_event_io, &pm.device, 0x600, 0x603, 1, 0);
	assert_int_equal(event(2), 0x0021);
	assert_int_equal(fake_read(vpm_event_io, &pm.device, 0x600, 0x600, 4), 0x00210000);
}

static void acpi_mode_is_always_on(void **state)
{
	(void)state;
	assert_int_equal(fake_read(vpm_control_io, &pm.device, 0x604, 0x604, 2), 1);
	set_control(0x0002);
	assert_int_equal(fake_read(vpm_control_io, &pm.device, 0x604, 0x604, 2), 3);
}

static void s5_powers_off(void **state)
{
	(void)state;
	set_control(5 << 10 | 1); /* the type alone does nothing */
	set_control(3 << 10 | 1 << 13);
	assert_int_equal(fake.powers, 0);
	set_control(5 << 10 | 1 << 13 | 1);
	assert_int_equal(fake.powers, 1);
	assert_int_equal(fake.request, POWER_OFF);
	/* SLP_EN reads as zero. */
	assert_int_equal(fake_read(vpm_control_io, &pm.device, 0x604, 0x604, 2), 5 << 10 | 1);
	fake_write(vpm_control_io, &pm.device, 0x604, 0x605, 1, 5 << 2 | 1 << 5);
	assert_int_equal(fake.powers, 2);
}

static void reset_ports(void **state)
{
	(void)state;
	fake_write(vpm_reset_io, &pm.device, 0xcf8, 0xcf9, 1, 0x02);
	assert_int_equal(fake.powers, 0);
	assert_int_equal(fake_read(vpm_reset_io, &pm.device, 0xcf8, 0xcf9, 1), 0x02);
	fake_write(vpm_reset_io, &pm.device, 0xcf8, 0xcf9, 1, 0x06);
	assert_int_equal(fake.powers, 1);
	assert_int_equal(fake.request, POWER_RESET);
	pm.device.ops->reset(&pm.device);
	fake_write(vpm_reset_io, &pm.device, 0xcf8, 0xcf9, 1, 0x06); /* as the FADT's reset register is used */
	assert_int_equal(fake.powers, 2);
	assert_int_equal(fake_read(vpm_92_io, &pm.device, 0x92, 0x92, 1), 0x02);
	fake_write(vpm_92_io, &pm.device, 0x92, 0x92, 1, 0x00);
	assert_int_equal(fake.powers, 2);
	fake_write(vpm_92_io, &pm.device, 0x92, 0x92, 1, 0x03);
	assert_int_equal(fake.powers, 3);
	assert_int_equal(fake.request, POWER_RESET);
}

static void command(uint8_t value)
{
	fake_write(vkbc_io, &kbc.device, 0x64, 0x64, 1, value);
}

static void data(uint8_t value)
{
	fake_write(vkbc_io, &kbc.device, 0x60, 0x60, 1, value);
}

static uint8_t status(void)
{
	return (uint8_t)fake_read(vkbc_io, &kbc.device, 0x64, 0x64, 1);
}

static uint8_t answer(void)
{
	assert_true(status() & 1);
	return (uint8_t)fake_read(vkbc_io, &kbc.device, 0x60, 0x60, 1);
}

static void keyboard_controller_answers(void **state)
{
	(void)state;
	assert_int_equal(status(), 0x14);
	command(0xaa);
	assert_int_equal(answer(), 0x55);
	assert_int_equal(status() & 1, 0);
	command(0xab);
	assert_int_equal(answer(), 0x00);
	command(0x20);
	assert_int_equal(answer(), 0x34);
	command(0x60);
	assert_true(status() & 8);
	data(0x47);
	assert_int_equal(status() & 9, 0);
	command(0x20);
	assert_true(fake.line[1]);
	assert_int_equal(answer(), 0x47);
	assert_false(fake.line[1]);
	command(0xad);
	command(0xa7);
	command(0x20);
	assert_int_equal(answer(), 0x77);
	command(0xae);
	command(0xa8);
	command(0x20);
	assert_int_equal(answer(), 0x47);
	command(0x7f);
	data(0x99);
	command(0x3f);
	assert_int_equal(answer(), 0x99);
	command(0xd0);
	assert_int_equal(answer() & 3, 3);
}

static void nothing_is_plugged_in(void **state)
{
	(void)state;
	data(0xff); /* reset the keyboard */
	assert_int_equal(status() & 0x61, 0x41);
	assert_int_equal(answer(), 0xfe);
	command(0xd4);
	data(0xff); /* and the mouse */
	assert_int_equal(status() & 0x61, 0x61);
	assert_int_equal(answer(), 0xfe);
	command(0x60);
	data(0x02);
	command(0xd3);
	data(0x12);
	assert_true(fake.line[12]);
	assert_int_equal(status() & 0x61, 0x21);
	assert_int_equal(answer(), 0x12);
	assert_false(fake.line[12]);
	command(0xd2);
	data(0x34);
	assert_false(fake.line[1]);
	assert_int_equal(answer(), 0x34);
}

static void keyboard_controller_resets(void **state)
{
	(void)state;
	command(0xff);
	command(0xfd);
	assert_int_equal(fake.powers, 0);
	command(0xfe);
	assert_int_equal(fake.powers, 1);
	assert_int_equal(fake.request, POWER_RESET);
	command(0xd1);
	data(0xdf);
	assert_int_equal(fake.powers, 1);
	command(0xd1);
	data(0xde);
	assert_int_equal(fake.powers, 2);
}

static void debug_exit_gives_the_value(void **state)
{
	(void)state;
	fake_write(vdebug_exit_io, &debug_exit.device, 0xf4, 0xf4, 1, 0x12345678);
	assert_int_equal(fake.request, POWER_DEBUG_EXIT);
	assert_int_equal(fake.status, 0x78);
	fake_write(vdebug_exit_io, &debug_exit.device, 0xf4, 0xf4, 2, 0x12345678);
	assert_int_equal(fake.status, 0x5678);
	fake_write(vdebug_exit_io, &debug_exit.device, 0xf4, 0xf4, 4, 0x12345678);
	assert_int_equal(fake.status, 0x12345678);
	assert_int_equal(fake_read(vdebug_exit_io, &debug_exit.device, 0xf4, 0xf4, 4), 0);
	assert_int_equal(fake.powers, 3);
}

static void use_pm(void)
{
	event(0);
	timer(0, 4);
	set_event(2, 1);
	set_control(0);
	if (pm.timer.when != UINT64_MAX)
		pm.timer.fire(&pm.device, &pm.timer, fake.ns);
}

static void use_kbc(void)
{
	data(1);
	command(0x20);
	status();
}

static void save_and_restore(void **state)
{
	(void)state;
	fake.timer = NULL;
	fake.ns = 123456789;
	set_event(2, 0x0021);
	set_control(5 << 10);
	vpm_init(&pm_copy, &fake.host);
	fake_round_trip(&pm.device, &pm_copy.device);
	assert_int_equal(pm_copy.enable, 0x21);
	assert_int_not_equal(pm_copy.timer.when, UINT64_MAX);
	fake_hostile_restore(&pm.device, use_pm);
	command(0x60);
	data(0x47);
	command(0xaa);
	vkbc_init(&kbc_copy, &fake.host);
	fake_round_trip(&kbc.device, &kbc_copy.device);
	kbc = kbc_copy;
	assert_int_equal(answer(), 0x55);
	fake_hostile_restore(&kbc.device, use_kbc);
	fake_round_trip(&debug_exit.device, &debug_exit.device);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(timer_runs_at_its_rate, setup),
		cmocka_unit_test_setup(timer_status_and_interrupt, setup),
		cmocka_unit_test_setup(enables_read_back, setup),
		cmocka_unit_test_setup(acpi_mode_is_always_on, setup),
		cmocka_unit_test_setup(s5_powers_off, setup),
		cmocka_unit_test_setup(reset_ports, setup),
		cmocka_unit_test_setup(keyboard_controller_answers, setup),
		cmocka_unit_test_setup(nothing_is_plugged_in, setup),
		cmocka_unit_test_setup(keyboard_controller_resets, setup),
		cmocka_unit_test_setup(debug_exit_gives_the_value, setup),
		cmocka_unit_test_setup(save_and_restore, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
