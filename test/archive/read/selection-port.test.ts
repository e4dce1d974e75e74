import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { expect, onTestFinished, test } from 'vitest';
import type { SelectionAnswer, SelectionRequest } from '../../../src/archive/read/messages.ts';
import { SelectionPort } from '../../../src/archive/read/selection-port.ts';
import { failureOf } from '../../support/rejection.ts';

/** A port whose other side answers, or is silent. */
function selectionBy(answer: (request: SelectionRequest, port: MessagePort) => void): SelectionPort {
  const { port1, port2 } = new MessageChannel();
  onTestFinished(() => port1.close());
  const selection = new SelectionPort(port1);
  port1.on('message', (message: SelectionAnswer) => selection.receive(message));
  port2.on('message', (request: SelectionRequest) => answer(request, port2));
  return selection;
}

test('a selection is what the other side says', async () => {
  const selection = selectionBy(({ id, entries }, port) => {
    port.postMessage({ type: 'selected', id, wanted: entries.map(([path]) => path === 'a') } satisfies SelectionAnswer);
  });
  expect(await selection.selects('a', 'file')).toBe(true);
  expect(await selection.selects('b', 'file')).toBe(false);
});

test('a stop fails what was asked and what is asked later: nothing counts as selected, or waits without end', async () => {
  const selection = selectionBy(() => undefined);
  const asked = selection.selects('a', 'file');
  selection.stop();
  await failureOf(asked, 'cancelled');
  await failureOf(selection.select([]), 'cancelled');
});
