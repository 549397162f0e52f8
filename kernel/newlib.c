/* SPDX-License-Identifier: MIT */
/*
 * What newlib asks of its host. Only its string, character, integer and snprintf() parts are linked: there is no heap
 * behind malloc() and no file. Shared with the boot loaders.
 */
#include <errno.h>
#include <reent.h>
#include <stdlib.h>

/*
 * One for all cores: the functions that are linked write nothing here but errno, which nobody reads. All else that
 * they change is on the caller's stack, so they may run on every core at once.
 */
static struct _reent reentrancy;
struct _reent *_impure_ptr = &reentrancy;

int *__errno(void)
{
	return &reentrancy._errno;
}

/* snprintf()'s code contains asprintf()'s growing buffer, which snprintf() never takes. */
void *_malloc_r(struct _reent *context, size_t size)
{
	(void)context;
	(void)size;
	return NULL;
}

void *_realloc_r(struct _reent *context, void *memory, size_t size)
{
	(void)context;
	(void)memory;
	(void)size;
	return NULL;
}

void _free_r(struct _reent *context, void *memory)
{
	(void)context;
	(void)memory;
}
