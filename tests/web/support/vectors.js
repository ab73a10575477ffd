/** What every client is held to: made by `python -m tests.protocol.vectors` from what `protocol/` does. */
import { readFileSync } from "node:fs";

export const vectors = JSON.parse(readFileSync(new URL("../../protocol/vectors.json", import.meta.url), "utf8"));

/** Return the bytes that a line of hexadecimal digits stands for. */
export const bytes = (hex) => Uint8Array.from(Buffer.from(hex, "hex"));
