/**
 * The browser's storage, or memory that is like it where the browser refuses (private windows, cookies forbidden).
 *
 * This file owns that nobody else has to ask whether storing works. It must not know what is stored.
 */

/**
 * @param open returns the storage; it may throw, and so may whatever is asked of it.
 * @returns {Pick<Storage, "getItem" | "setItem">}
 */
export function storageOr(open) {
  const memory = new Map();
  return {
    getItem(name) {
      try {
        return memory.get(name) ?? open().getItem(name);
      } catch {
        return null;
      }
    },
    setItem(name, value) {
      try {
        open().setItem(name, value);
        memory.delete(name);
      } catch {
        memory.set(name, value);
      }
    },
  };
}
