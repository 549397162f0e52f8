# SPDX-License-Identifier: MIT
# How everything is compiled: what changes here rebuilds all. Debug builds differ in assertions and log level only.

WARN     := -Wall -Wextra -Werror -Wmissing-prototypes -Wshadow
ASSERT_0 := -DNDEBUG -DBULKHEAD_DEBUG=0
ASSERT_1 := -DBULKHEAD_DEBUG=1
BARE     := -std=gnu17 -O2 -g -ffreestanding -mno-red-zone -mgeneral-regs-only -fno-stack-protector \
	-fno-omit-frame-pointer -fno-asynchronous-unwind-tables -nostdinc \
	-isystem $(shell $(CC) -print-file-name=include) -isystem $(NEWLIB)/include -I. $(WARN) $(ASSERT_$(DEBUG))

KERNEL_CFLAGS := $(BARE) -mcmodel=kernel -fno-pic -fno-pie
LOADER_CFLAGS := $(BARE) -fpic -fshort-wchar -fvisibility=hidden -DGNU_EFI_USE_MS_ABI \
	-isystem /usr/include/efi -isystem /usr/include/efi/x86_64
HOST_CFLAGS   := -std=gnu17 -O2 -g -D_GNU_SOURCE -I. $(WARN)
