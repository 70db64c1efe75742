// Sets the theme before anything is painted. A classic script, so that it runs before the body.
"use strict";
try {
  document.documentElement.dataset.theme = JSON.parse(localStorage.getItem("kakeyad.preferences") || "{}").theme || "auto";
} catch {
  // Storage is off: the system's theme it is.
}
