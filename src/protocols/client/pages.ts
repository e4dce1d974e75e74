/** One page of a list, with links to its neighbours. */
import type { z } from '@hono/zod-openapi';
import type { AppContext, DialectDeps } from '../dialect.ts';
import { absoluteUrl } from './answers.ts';
import type { BackupList, PageQuery } from './schemas.ts';

export interface Page<Item> {
  readonly items: readonly Item[];
  readonly pagination: Pagination;
}

type Pagination = z.infer<typeof BackupList>['meta']['pagination'];

/** A page beyond the end is empty, as in the live panel; an empty list has one page. */
export function pageOf<Item>(
  c: AppContext,
  ports: DialectDeps,
  all: readonly Item[],
  query: z.output<typeof PageQuery>,
): Page<Item> {
  const items = all.slice((query.page - 1) * query.per_page, query.page * query.per_page);
  return { items, pagination: paginationOf(c, ports, { total: all.length, count: items.length }, query) };
}

/** @param counts of the whole list, and of this page. */
export function paginationOf(
  c: AppContext,
  ports: DialectDeps,
  { total, count }: { readonly total: number; readonly count: number },
  { page, per_page: perPage }: z.output<typeof PageQuery>,
): Pagination {
  const totalPages = Math.max(1, Math.ceil(total / perPage));
  const linkTo = (number: number): string => absoluteUrl(c, ports, `${c.req.path}?page=${number}&per_page=${perPage}`);
  return {
    total,
    count,
    per_page: perPage,
    current_page: page,
    total_pages: totalPages,
    links: {
      previous: page > 1 && page <= totalPages ? linkTo(page - 1) : undefined,
      next: page < totalPages ? linkTo(page + 1) : undefined,
    },
  };
}
