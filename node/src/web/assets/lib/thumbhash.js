// @ts-check
/**
 * ThumbHash: some 25 bytes that paint a blurred picture while the real one is on its way.
 *
 * The bytes hold a few cosine terms of brightness (L), two colour differences (P, Q) and perhaps opacity (A), four bits a
 * term, behind a header with each channel's mean and scale. Format: the reference description of ThumbHash.
 * @module
 */

/** One channel: how many terms across and down, its mean, and the terms in the order of the hash. */
class Channel {
  /**
   * @param {number} across
   * @param {number} down
   * @param {number} mean
   */
  constructor(across, down, mean) {
    this.mean = mean;
    /** @type {{x: number, y: number, weight: number}[]} */
    this.terms = [];
    for (let y = 0; y < down; y++) {
      for (let x = y === 0 ? 1 : 0; x * down < across * (down - y); x++) this.terms.push({ x, y, weight: 0 });
    }
  }

  /**
   * The channel's value at a point.
   * @param {number[]} cosX
   * @param {number[]} cosY
   */
  at(cosX, cosY) {
    let value = this.mean;
    for (const term of this.terms) value += term.weight * cosX[term.x] * cosY[term.y] * 2;
    return value;
  }
}

/**
 * Paints a hash onto a canvas of its own.
 * @param {string} base64
 * @param {number} ratio width by height
 * @returns {HTMLCanvasElement | null} null if the hash is none
 */
export function paint(base64, ratio) {
  let bytes;
  try {
    bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  } catch {
    return null;
  }
  if (bytes.length < 5 || !(ratio > 0)) return null;
  const head = bytes[0] | (bytes[1] << 8) | (bytes[2] << 16);
  const shape = bytes[3] | (bytes[4] << 8);
  const hasAlpha = head >> 23 !== 0;
  const isWide = shape >> 15 !== 0;
  const longest = hasAlpha ? 5 : 7;
  const across = Math.max(3, isWide ? longest : shape & 7);
  const down = Math.max(3, isWide ? shape & 7 : longest);
  const brightness = new Channel(across, down, (head & 63) / 63);
  const p = new Channel(3, 3, ((head >> 6) & 63) / 31.5 - 1);
  const q = new Channel(3, 3, ((head >> 12) & 63) / 31.5 - 1);
  const scales = /** @type {[Channel, number][]} */ ([
    [brightness, ((head >> 18) & 31) / 31],
    [p, (((shape >> 3) & 63) / 63) * 1.25],
    [q, (((shape >> 9) & 63) / 63) * 1.25],
  ]);
  let nibble = (hasAlpha ? 6 : 5) * 2;
  for (const [channel, scale] of scales) {
    for (const term of channel.terms) {
      const byte = bytes[nibble >> 1] ?? 0;
      term.weight = (((nibble & 1 ? byte >> 4 : byte & 15) / 7.5) - 1) * scale;
      nibble++;
    }
  }
  return draw(brightness, p, q, ratio);
}

/**
 * @param {Channel} brightness
 * @param {Channel} p
 * @param {Channel} q
 * @param {number} ratio
 */
function draw(brightness, p, q, ratio) {
  const width = Math.max(1, Math.round(ratio > 1 ? 32 : 32 * ratio));
  const height = Math.max(1, Math.round(ratio > 1 ? 32 / ratio : 32));
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  if (!context) return null;
  const image = context.createImageData(width, height);
  const waves = (/** @type {number} */ at, /** @type {number} */ size) =>
    Array.from({ length: 7 }, (_, n) => Math.cos((Math.PI / size) * (at + 0.5) * n));
  const columns = Array.from({ length: width }, (_, x) => waves(x, width));
  for (let y = 0, to = 0; y < height; y++) {
    const row = waves(y, height);
    for (let x = 0; x < width; x++) {
      const light = brightness.at(columns[x], row);
      const blue = light - (2 / 3) * p.at(columns[x], row);
      const difference = q.at(columns[x], row);
      const red = (3 * light - blue + difference) / 2;
      for (const value of [red, red - difference, blue, 1]) image.data[to++] = Math.round(255 * Math.min(1, Math.max(0, value)));
    }
  }
  context.putImageData(image, 0, 0);
  canvas.setAttribute("aria-hidden", "true");
  return canvas;
}
