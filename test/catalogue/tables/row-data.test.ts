import { describe, expect, test } from 'vitest';
import { readDeliveryData, readSettings } from '../../../src/catalogue/tables/row-data.ts';

describe('what a row holds as JSON', () => {
  test('is read as it was written, with keys of other versions', () => {
    const settings = { panelName: 'Lobby', givenUp: { decidedAt: 1, sequence: 2, deleteAt: 3 }, later: [1] };
    expect(readSettings(JSON.parse(JSON.stringify(settings)))).toEqual(settings);
    const data = { upload: true, parts: [{ partNumber: 1, etag: '"a"' }], reporting: false, refused: true, later: {} };
    expect(readDeliveryData(JSON.parse(JSON.stringify(data)))).toEqual(data);
  });

  test.each([
    [{ panelName: 5, givenUp: { decidedAt: 1 } }, {}],
    [{ panelName: 'Lobby', givenUp: 'yes' }, { panelName: 'Lobby' }],
    [{ givenUp: { decidedAt: 1, sequence: 'last', deleteAt: 3 } }, { givenUp: { decidedAt: 1, deleteAt: 3 } }],
    [null, {}],
    ['text', {}],
  ])('counts settings of no use as absent: %j', (written, read) => {
    expect(readSettings(written)).toEqual(read);
  });

  test.each([
    [{ upload: 'panel', parts: ['"a"'] }, {}],
    [{ parts: [{ partNumber: 1, etag: 2 }], reporting: true }, { reporting: true }],
    [[], {}],
  ])('counts data of a delivery of no use as absent: %j', (written, read) => {
    expect(readDeliveryData(written)).toEqual(read);
  });
});
