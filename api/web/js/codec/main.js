// The codec page: what is set, what the codec makes of it, and what is drawn.
import { byId } from "../dom.js";
import { ask, load } from "./engine.js";
import { place } from "./plot.js";
import { showCurves, showFigures, showFormats, showPoints, showRotated, showVector, vectorAxes } from "./views.js";

let codec;
let seed = 1;
let drawn; // the curve, of as many elements as a vector has
let view;
let axes; // of the plot of the vector
let curves;
let curvesOf = ""; // the request that the curves are of
let due = false;
let pen = null; // while a person draws: the last element and its value

const value = (id) => byId(id).value;

function request() {
  const dim = Number(value("dim"));
  const source = value("source");
  const r = { variant: value("variant"), q: Number(value("q")), dim, count: Number(value("count")), source, seed, vector: Number(value("vector")) };
  if (source === "drawn") r.drawn = drawn = fitted(drawn ?? wave(dim), dim);
  return r;
}

/** What there is to begin with when nobody has drawn yet. */
const wave = (dim) => Array.from({ length: dim }, (_, i) => Math.sin(i * 6 * Math.PI / dim) * Math.exp(-i / dim));

/** A curve stretched to as many elements. */
const fitted = (curve, dim) =>
  curve.length === dim ? curve : Array.from({ length: dim }, (_, i) => curve[Math.floor(i * curve.length / dim)]);

/** Computes and draws once before the next picture, however much changed. */
function update() {
  if (due) return;
  due = true;
  requestAnimationFrame(() => {
    due = false;
    try {
      compute();
      byId("trouble").hidden = true;
    } catch (e) {
      trouble(e);
    }
  });
}

function compute() {
  byId("vector").max = Number(value("count")) - 1;
  const r = request();
  byId("q-value").textContent = r.q;
  byId("vector-value").textContent = r.vector;
  view = ask(codec.show, r);
  if (!pen) axes = vectorAxes(view.x);
  showVector(view, axes);
  showRotated(view);
  showPoints(view, r.q);
  showFigures(view);
  showFormats(view);
  const of = JSON.stringify({ ...r, q: 0, vector: 0 });
  if (of !== curvesOf && !pen) {
    curves = ask(codec.curves, r);
    curvesOf = of;
  }
  if (curves) showCurves(curves, view);
  document.body.dataset.computed = JSON.stringify({ ...r, drawn: undefined });
}

function trouble(e) {
  byId("trouble").textContent = e instanceof Error ? e.message : String(e);
  byId("trouble").hidden = false;
}

/** Draws from where the pen was to where it is: no element in between is left out. */
function draw(event) {
  const [x, y] = place(byId("plot-vector"), event, axes);
  const at = { i: Math.max(0, Math.min(drawn.length - 1, Math.round(x))), v: Math.max(axes.y.min, Math.min(axes.y.max, y)) };
  const from = pen.i === undefined ? at : pen;
  const steps = Math.max(1, Math.abs(at.i - from.i));
  for (let s = 0; s <= steps; s++) {
    drawn[Math.round(from.i + (at.i - from.i) * s / steps)] = from.v + (at.v - from.v) * s / steps;
  }
  pen = at;
  update();
}

function listen() {
  byId("controls").addEventListener("input", update);
  byId("controls").addEventListener("submit", (e) => e.preventDefault());
  byId("again").addEventListener("click", () => { seed++; update(); });
  const svg = byId("plot-vector");
  svg.addEventListener("pointerdown", (e) => {
    drawn = [...view.x];
    byId("source").value = "drawn";
    byId("vector").value = 0;
    svg.setPointerCapture(e.pointerId);
    pen = {};
    draw(e);
  });
  svg.addEventListener("pointermove", (e) => pen && draw(e));
  for (const end of ["pointerup", "pointercancel"]) {
    svg.addEventListener(end, () => { pen = null; update(); });
  }
}

try {
  codec = await load();
  compute();
  listen();
  document.body.classList.add("ready");
} catch (e) {
  trouble(e);
}
