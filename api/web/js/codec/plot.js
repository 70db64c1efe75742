// Plots of numbers as SVG.

const namespace = "http://www.w3.org/2000/svg";
const width = 640;
const margin = { left: 44, right: 12, top: 10, bottom: 34 };

function element(tag, attributes, text) {
  const e = document.createElementNS(namespace, tag);
  for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
  if (text !== undefined) e.textContent = text;
  return e;
}

/** Round numbers in a range, about as many as wanted. */
export function ticks(min, max, wanted = 6) {
  const rough = (max - min) / wanted || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((m) => m * power >= rough) ?? 10);
  const out = [];
  for (let v = Math.ceil(min / step) * step; v <= max + step * 1e-9; v += step) out.push(Math.abs(v) < step * 1e-9 ? 0 : v);
  return out;
}

/** A plot to draw into: its axes are there, and x and y turn numbers into places. */
export function plot(svg, { x, y, label }) {
  const height = svg.classList.contains("square") ? width * 3 / 4 : width * 9 / 16;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("aria-label", label);
  const scale = (from, to, { min, max }) => (v) => from + (v - min) / (max - min) * (to - from);
  const p = { svg, x: scale(margin.left, width - margin.right, x), y: scale(height - margin.bottom, margin.top, y), drawn: [] };
  for (const v of ticks(x.min, x.max, 8)) {
    add(p, "line", { class: "grid", x1: p.x(v), x2: p.x(v), y1: margin.top, y2: height - margin.bottom });
    add(p, "text", { x: p.x(v), y: height - margin.bottom + 15, "text-anchor": "middle" }, number(v));
  }
  for (const v of ticks(y.min, y.max)) {
    add(p, "line", { class: v === 0 ? "axis" : "grid", x1: margin.left, x2: width - margin.right, y1: p.y(v), y2: p.y(v) });
    add(p, "text", { x: margin.left - 6, y: p.y(v) + 4, "text-anchor": "end" }, number(v));
  }
  add(p, "text", { x: width - margin.right, y: height - 4, "text-anchor": "end" }, x.label);
  add(p, "text", { x: 4, y: margin.top + 2, "dominant-baseline": "hanging" }, y.label ?? "");
  return p;
}

const number = (v) => String(Number(v.toPrecision(3)));

function add(p, tag, attributes, text) {
  p.drawn.push(element(tag, attributes, text));
}

export function line(p, points, className) {
  add(p, "path", { class: `line ${className}`, d: points.map(([x, y], i) => `${i ? "L" : "M"}${p.x(x).toFixed(1)} ${p.y(y).toFixed(1)}`).join("") });
}

export function segment(p, [x1, y1], [x2, y2], className) {
  add(p, "line", { class: `line ${className}`, x1: p.x(x1), y1: p.y(y1), x2: p.x(x2), y2: p.y(y2) });
}

export function dot(p, [x, y], className, r = 3) {
  add(p, "circle", { class: className, cx: p.x(x), cy: p.y(y), r });
}

export function bar(p, x, value, w, className) {
  const [a, b] = [p.y(Math.max(value, 0)), p.y(Math.min(value, 0))];
  add(p, "rect", { class: `bar ${className}`, x: p.x(x - w / 2), width: p.x(w) - p.x(0), y: a, height: Math.max(b - a, 0.5) });
}

/** Shows what was drawn, in the place of what was there. */
export function show(p) {
  p.svg.replaceChildren(...p.drawn);
}

/** Where in its numbers a pointer is over a plot. */
export function place(svg, event, { x, y }) {
  const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
  const height = svg.viewBox.baseVal.height;
  return [
    x.min + (at.x - margin.left) / (width - margin.left - margin.right) * (x.max - x.min),
    y.max - (at.y - margin.top) / (height - margin.top - margin.bottom) * (y.max - y.min),
  ];
}
