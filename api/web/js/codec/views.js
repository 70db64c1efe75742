// What the codec answers, as plots, figures and a table.
import { byId, h } from "../dom.js";
import { bar, dot, line, plot, segment, show } from "./plot.js";

/** The names of the curves, in the order that the codec gives them, and how each is drawn. */
const curveLooks = ["c0", "c1", "c6", "c2", "c3", "c4 dashed"];

const peak = (values) => values.reduce((m, v) => Math.max(m, Math.abs(v)), 0) || 1;

/** The numbers that the plot of the vector covers. */
export function vectorAxes(x) {
  const top = 1.15 * peak(x);
  return { x: { min: 0, max: x.length - 1, label: "element" }, y: { min: -top, max: top } };
}

export function showVector(view, axes) {
  const p = plot(byId("plot-vector"), { ...axes, label: `The vector and what comes back, ${view.snr.toFixed(1)} dB apart` });
  line(p, view.x.map((v, i) => [i, v]), "c2");
  line(p, view.decoded.map((v, i) => [i, v]), "c0 dashed");
  show(p);
}

export function showRotated(view) {
  const steps = view.rotated.map((v) => (view.step ? v / view.step : 0));
  const top = 1.1 * peak(steps);
  const p = plot(byId("plot-rotated"), {
    x: { min: -1, max: steps.length, label: "element" }, y: { min: -top, max: top }, label: "The rotated vector in steps of the lattice",
  });
  steps.forEach((v, i) => bar(p, i, v, 0.7, "c1"));
  show(p);
}

/** The points near the origin; how many are further out is told. */
export function showPoints(view, q) {
  const reach = Math.min(q, 5) + 0.5;
  const axis = { min: -reach * 4 / 3, max: reach * 4 / 3, label: "coordinate 1" };
  const p = plot(byId("plot-points"), { x: axis, y: { min: -reach, max: reach }, label: "Where blocks are and the lattice points that are kept" });
  for (let x = Math.ceil(-2 * axis.max) / 2; x <= axis.max; x += 0.5) {
    for (let y = Math.ceil(-2 * reach) / 2; y <= reach; y += 0.5) {
      if (Number.isInteger(x) === Number.isInteger(y)) dot(p, [x, y], "lattice", Number.isInteger(x) ? 2 : 1.2);
    }
  }
  const near = view.pairs?.filter(([x, y]) => Math.abs(x) <= axis.max && Math.abs(y) <= reach) ?? [];
  for (const [x, y, zx, zy] of near) segment(p, [x, y], [zx, zy], "c5");
  for (const [x, y, zx, zy] of near) {
    dot(p, [x, y], "dot-mark c2", 2.5);
    dot(p, [zx, zy], "ring c0", 4);
  }
  show(p);
  const all = view.pairs?.length ?? 0;
  byId("outside").textContent = `${near.length} of ${all} blocks are in this window.`;
}

export function showCurves(curves, view) {
  const shown = curves.map((c) => c.points.filter((p) => p.bits <= 10));
  const all = shown.flat();
  const top = Math.max(...all.map((p) => p.snr)) * 1.05;
  const p = plot(byId("plot-curves"), {
    x: { min: 0, max: 10, label: "bits an element" }, y: { min: 0, max: top, label: "dB" }, label: "Signal to noise of each format by its bits",
  });
  shown.forEach((points, i) => {
    line(p, points.map((at) => [at.bits, at.snr]), curveLooks[i]);
    for (const at of points) dot(p, [at.bits, at.snr], `dot-mark ${curveLooks[i]}`, 2.2);
  });
  for (const at of view.fixed) dot(p, [at.bits, at.snr], "dot-mark c5", 4.5);
  dot(p, [view.same[0].bits, view.same[0].snr], "ring here c0", 6);
  show(p);
  byId("legend").replaceChildren(...curves.map((c, i) => h("li", { class: curveLooks[i] }, c.name)), h("li", { class: "c5" }, "q4_0, q8_0"));
}

export function showFigures(view) {
  const [pages, , , scalar, turned] = view.same;
  const best = scalar.snr > turned.snr ? scalar : turned;
  const put = (id, value, unit) => byId(id).replaceChildren(value, h("small", {}, ` ${unit}`));
  put("bits", pages.bits.toFixed(2), "real, all counted");
  put("ratio", (16 / pages.bits).toFixed(1), "times");
  put("snr", pages.snr.toFixed(1), "dB");
  put("scalar", best.snr.toFixed(1), `dB, ${(pages.snr - best.snr).toFixed(1)} less`);
}

export function showFormats(view) {
  byId("formats").replaceChildren(...[...view.same, ...view.fixed].map((at) =>
    h("tr", {}, h("td", {}, at.name), h("td", {}, at.bits.toFixed(2)), h("td", {}, at.snr.toFixed(1)))));
}
