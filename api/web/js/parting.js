// Where two texts part.

/** The length of what both begin with, which ends between whole characters. */
export function commonLength(a, b) {
  let n = 0;
  while (n < a.length && n < b.length && a.charCodeAt(n) === b.charCodeAt(n)) n++;
  const high = n > 0 ? a.charCodeAt(n - 1) : 0;
  return high >= 0xd800 && high < 0xdc00 ? n - 1 : n;
}
