/**
 * Secrets and keys: random hexadecimal digits from the browser's own source of chance.
 *
 * This file owns how they are made. It must not know what for.
 */
// @ts-check

/** Return 32 hexadecimal digits: 128 random bits. Also where the page came by plain HTTP, unlike `randomUUID`. */
export function randomHex() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
