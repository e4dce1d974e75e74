/**
 * Which kind of picture some bytes are, by their own first bytes and never by a name; undefined for what is none, or would
 * take more memory than a page may: a megabyte can stand for gigabytes of pixels. SVG is text here.
 */
const MOST_PIXELS = 16 * 1024 * 1024;

const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const GIF = [0x47, 0x49, 0x46, 0x38];
const JPEG = [0xff, 0xd8, 0xff];

type Size = readonly [width: number, height: number];

export function pictureOf(bytes: Uint8Array): 'image/png' | 'image/gif' | 'image/jpeg' | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const begins = (magic: readonly number[]): boolean => magic.every((byte, at) => bytes[at] === byte);
  if (bytes.length < 24) return undefined;
  // PNG (RFC 2083, 4.1.1): IHDR is the first chunk. GIF89a: the size of the logical screen is behind the version.
  if (begins(PNG)) return isSmall([view.getUint32(16), view.getUint32(20)]) ? 'image/png' : undefined;
  if (begins(GIF)) return isSmall([view.getUint16(6, true), view.getUint16(8, true)]) ? 'image/gif' : undefined;
  return begins(JPEG) && isSmall(jpegSize(view)) ? 'image/jpeg' : undefined;
}

function isSmall(size: Size | undefined): boolean {
  return size !== undefined && size[0] * size[1] <= MOST_PIXELS;
}

/** JPEG (ITU T.81, B.1 and B.2.2): markers with lengths, until the frame header. */
function jpegSize(view: DataView): Size | undefined {
  for (let at = 2; at + 9 <= view.byteLength;) {
    if (view.getUint8(at) !== 0xff) return undefined;
    const marker = view.getUint8(at + 1);
    // SOF0 to SOF15, without the tables of Huffman codes, of arithmetic coding, and the reserved one between them.
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return [view.getUint16(at + 7), view.getUint16(at + 5)];
    at += 2 + view.getUint16(at + 2);
  }
  return undefined;
}
