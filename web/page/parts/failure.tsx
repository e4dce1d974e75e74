import { CircleAlert } from './icons.ts';
import type { ApiFailure } from '../api/failures.ts';
import { Icon } from './icon.tsx';

/** The API's sentence, its hint, the request's id to look for in the log, and a way on. */
export function FailureNote({ failure, again }: { readonly failure: ApiFailure; readonly again?: () => void }) {
  return (
    <div class="danger" role="alert">
      <span class="st bad long">
        <Icon of={CircleAlert} small />
        <b>{failure.message}</b>
      </span>
      {failure.hint !== undefined && <span class="small">{failure.hint}</span>}
      {(failure.requestId !== undefined || again !== undefined) && (
        <span class="spread">
          {failure.requestId === undefined ? <span /> : <span class="small muted">Request {failure.requestId}</span>}
          {again !== undefined && (
            <button class="b t" type="button" onClick={again}>
              Try again
            </button>
          )}
        </span>
      )}
    </div>
  );
}

/** Grey rows in the place of those that come. */
export function GreyRows({ rows = 4 }: { readonly rows?: number }) {
  return (
    <div class="grey" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, at) => (
        <span key={at} />
      ))}
    </div>
  );
}
