/* SPDX-License-Identifier: MIT */
/*
 * What is the same in every virtual PC. Processors are in an SSDT that vacpi_aml.c writes. Ports and addresses are
 * those of the headers drivers/v*.h.
 */
DefinitionBlock ("", "DSDT", 2, "BLKHD ", "BULKHEAD", 1)
{
	/* vpm: SLP_TYP 5 is power-off; there is no other sleep */
	Name (\_S5, Package () { 5, 5, 0, 0 })

	Scope (\_SB)
	{
		Device (PCI0)
		{
			Name (_HID, EisaId ("PNP0A03"))
			Name (_UID, Zero)
			Name (_BBN, Zero)
			Name (_CRS, ResourceTemplate ()
			{
				WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode, 0, 0, 0, 0, 1)
				IO (Decode16, 0x0CF8, 0x0CF8, 1, 8)
				WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange,
					0, 0x0000, 0x0CF7, 0, 0x0CF8)
				WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange,
					0, 0x0D00, 0xFFFF, 0, 0xF300)
				/* from the end of low RAM to the ECAM window, and from there to the I/O APIC */
				DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, NonCacheable, ReadWrite,
					0, 0xC0000000, 0xDFFFFFFF, 0, 0x20000000)
				DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, NonCacheable, ReadWrite,
					0, 0xF0000000, 0xFEBFFFFF, 0, 0x0EC00000)
			})
			Name (_PRT, Package () {})

			Device (PIC)
			{
				Name (_HID, EisaId ("PNP0000"))
				Name (_CRS, ResourceTemplate ()
				{
					IO (Decode16, 0x0020, 0x0020, 1, 2)
					IO (Decode16, 0x00A0, 0x00A0, 1, 2)
					IO (Decode16, 0x04D0, 0x04D0, 1, 2)
					IRQNoFlags () { 2 }
				})
			}

			Device (PIT)
			{
				Name (_HID, EisaId ("PNP0100"))
				Name (_CRS, ResourceTemplate ()
				{
					IO (Decode16, 0x0040, 0x0040, 1, 4)
					IRQNoFlags () { 0 }
				})
			}

			Device (RTC)
			{
				Name (_HID, EisaId ("PNP0B00"))
				Name (_CRS, ResourceTemplate ()
				{
					IO (Decode16, 0x0070, 0x0070, 1, 2)
					IRQNoFlags () { 8 }
				})
			}

			Device (COM1)
			{
				Name (_HID, EisaId ("PNP0501"))
				Name (_UID, One)
				Name (_CRS, ResourceTemplate ()
				{
					IO (Decode16, 0x03F8, 0x03F8, 1, 8)
					IRQNoFlags () { 4 }
				})
			}
		}

		/* What is spoken for on the board: port 0x61, delay and reset ports, ACPI's blocks, ECAM of bus 0 */
		Device (MRES)
		{
			Name (_HID, EisaId ("PNP0C02"))
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x0061, 0x0061, 1, 1)
				IO (Decode16, 0x0080, 0x0080, 1, 1)
				IO (Decode16, 0x0092, 0x0092, 1, 1)
				IO (Decode16, 0x0600, 0x0600, 1, 0x0C)
				Memory32Fixed (ReadOnly, 0xE0000000, 0x00100000)
			})
		}
	}
}
