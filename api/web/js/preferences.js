// What this browser remembers beside the conversations: theme, API key, channel, defaults.

const name = "kakeyad.preferences";

const initial = { theme: "auto", key: "", channel: "", sidebar: true, defaults: {}, sides: null };

function read() {
  try {
    return { ...initial, ...JSON.parse(localStorage.getItem(name) || "{}") };
  } catch {
    return { ...initial };
  }
}

const values = read();

export const preferences = {
  get: (key) => values[key],
  set(key, value) {
    values[key] = value;
    try {
      localStorage.setItem(name, JSON.stringify(values));
    } catch {
      // Storage is full or off: it holds until the page is closed.
    }
  },
};
