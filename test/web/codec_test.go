package web

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/api"
	"github.com/kakeyad/kakeyad/core/plugin/backend/fake"
	"github.com/kakeyad/kakeyad/plugins/e8codec/demo"
	"github.com/kakeyad/kakeyad/test/browser"
)

// openCodec opens the codec page in a new browser and waits until the codec has computed something.
func openCodec(t *testing.T) *browser.Page {
	t.Helper()
	d := serve(t, fake.ModelConfig{}, api.Options{})
	p := browser.New(t)
	p.Open(d.url + "/codec.html")
	p.Until("the codec, which `make build-codec-page` builds", `document.body?.classList.contains("ready")`)
	t.Cleanup(func() {
		assert.Empty(t, p.Problems())
		for _, url := range p.Requests() {
			assert.True(t, strings.HasPrefix(url, d.url+"/") || strings.HasPrefix(url, "data:"), url)
		}
	})
	return p
}

// set gives controls of the page other values, as a person does, and waits until that was computed.
func set(p *browser.Page, values map[string]string) {
	for id, value := range values {
		browser.Eval[bool](p, fmt.Sprintf(`(() => { const e = document.getElementById(%q); e.value = %q;
			return e.dispatchEvent(new Event("input", {bubbles: true})); })()`, id, value))
	}
	for id, value := range values {
		p.Until("the codec with "+id+" "+value, fmt.Sprintf(`String(JSON.parse(document.body.dataset.computed).%s) === %q`, id, value))
	}
}

// computed is what the page last asked of the codec.
func computed(t *testing.T, p *browser.Page) (r demo.Request) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(browser.Eval[string](p, "document.body.dataset.computed")), &r))
	return r
}

// rows are the formats of the page's table, with bits and error.
func rows(p *browser.Page) [][]string {
	return browser.Eval[[][]string](p, `[...document.querySelectorAll("#formats tr")].map((r) => [...r.cells].map((c) => c.textContent))`)
}

// What the page says is what the codec says outside the browser, for every source, lattice and size.
func TestCodecPageTellsTheTruth(t *testing.T) {
	p := openCodec(t)
	for _, values := range []map[string]string{
		{},
		{"q": "38"},
		{"source": "channels", "q": "4", "dim": "128"},
		{"source": "heavy", "variant": "d4", "count": "64"},
		{"source": "smooth", "variant": "e8", "dim": "256", "vector": "7"},
	} {
		set(p, values)
		view, err := demo.Show(computed(t, p))
		require.NoError(t, err)
		var want [][]string
		for _, at := range append(view.Same, view.Fixed...) {
			want = append(want, []string{at.Name, fixed(at.Bits, 2), fixed(at.SNR, 1)})
		}
		require.Len(t, want, 7)
		assert.Equal(t, want, rows(p), "%v", values)
		assert.Contains(t, p.Text("#bits"), fixed(view.Same[0].Bits, 2))
		assert.Contains(t, p.Text("#snr"), fixed(view.Same[0].SNR, 1))
		assert.Contains(t, browser.Eval[string](p, `document.getElementById("plot-vector").getAttribute("aria-label")`), fixed(view.SNR, 1)+" dB")
		bars := browser.Eval[int](p, `document.querySelectorAll("#plot-rotated .bar").length`)
		assert.Equal(t, len(view.Rotated), bars)
	}
	before := rows(p)
	p.Click("#again")
	p.Until("other vectors", `JSON.parse(document.body.dataset.computed).seed === 2`)
	assert.NotEqual(t, before, rows(p))
}

// fixed is JavaScript's toFixed: halves go up.
func fixed(v float64, digits int) string { return strconv.FormatFloat(v+1e-9, 'f', digits, 64) }

// The plot of points has lattice points alone as what is kept, and the plot of formats has every format in it.
func TestCodecPagePlots(t *testing.T) {
	p := openCodec(t)
	points := browser.Eval[int](p, `document.querySelectorAll("#plot-points .ring").length`)
	assert.Positive(t, points)
	assert.Contains(t, p.Text("#outside"), fmt.Sprintf("%d of 512 blocks", points))
	set(p, map[string]string{"q": "2"})
	assert.Contains(t, p.Text("#outside"), "512 of 512 blocks", "a small box is seen whole")
	assert.Equal(t, 6, browser.Eval[int](p, `document.querySelectorAll("#plot-curves path.line").length`))
	assert.Equal(t, 7, browser.Eval[int](p, `document.querySelectorAll("#legend li").length`))
}

func TestCodecPageTakesADrawing(t *testing.T) {
	p := openCodec(t)
	before := browser.Eval[string](p, `document.querySelector("#plot-vector path").getAttribute("d")`)
	p.Drag("#plot-vector", [2]float64{.15, .3}, [2]float64{.4, .7}, [2]float64{.6, .2}, [2]float64{.9, .5})
	p.Until("the drawing", `JSON.parse(document.body.dataset.computed).source === "drawn"`)
	assert.Equal(t, "drawn", browser.Eval[string](p, `document.getElementById("source").value`))
	p.Until("the curve", fmt.Sprintf(`document.querySelector("#plot-vector path").getAttribute("d") !== %q`, before))
	r := computed(t, p)
	assert.Zero(t, r.Vector)
	assert.Len(t, rows(p), 7)
	// a drawing is kept where vectors become longer
	set(p, map[string]string{"dim": "256"})
	assert.Len(t, rows(p), 7)
}

// TestCodecPageLooks keeps pictures where asked. Nothing is wider than the window.
func TestCodecPageLooks(t *testing.T) {
	p := openCodec(t)
	p.Size(1000, 1250)
	p.Prefer("light")
	set(p, map[string]string{"source": "channels"})
	p.Screenshot("codec-light")
	p.Prefer("dark")
	p.Drag("#plot-vector", [2]float64{.08, .4}, [2]float64{.2, .7}, [2]float64{.35, .15}, [2]float64{.55, .8}, [2]float64{.75, .3}, [2]float64{.97, .5})
	p.Until("the drawing", `JSON.parse(document.body.dataset.computed).source === "drawn"`)
	browser.Eval[bool](p, "scrollTo(0, 0) === undefined")
	p.Screenshot("codec-dark")
	p.Phone()
	assert.LessOrEqual(t, browser.Eval[int](p, "document.documentElement.scrollWidth"), 390)
	p.Screenshot("codec-phone")
}
