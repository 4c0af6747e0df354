package measure

import (
	"encoding/xml"
	"fmt"
	"html"
	"io"
	"strings"
	"testing"
)

// The plot's measures in pixels.
const (
	plotWidth = 720
	barHeight = 16
	rowGap    = 14
	labels    = 190 // width of what is left of the bars
	numbers   = 70  // and right of them
	panelHead = 44
)

// panel is one picture: a figure of every row by system.
type panel struct {
	title string
	of    func(figures) float64
	form  string
}

// plot draws delivered per second, latency and CPU as bars. Colours are read on light and dark pages.
func plot(rows []row, systems []system) []byte {
	panels := []panel{
		{"delivered per second (longer is better)", func(f figures) float64 { return f.Rate }, "%.0f"},
		{"p99 beyond the receipt's delay, ms (shorter is better)", func(f figures) float64 { return f.P99 }, "%.1f"},
		{"CPU of the daemon per message, ms (shorter is better)", func(f figures) float64 { return f.CPU }, "%.3f"},
	}
	height := (panelHead + len(rows)*(len(systems)*barHeight+rowGap)) * len(panels)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12" fill="#7a7a7a">`+"\n", plotWidth, height)
	y := 0
	for _, p := range panels {
		y = p.draw(&b, y, rows, systems)
	}
	b.WriteString("</svg>\n")
	return []byte(b.String())
}

// draw adds a panel at y and returns where the next begins.
func (p panel) draw(b *strings.Builder, y int, rows []row, systems []system) int {
	colours := []string{"#2f7ed8", "#c2853a"}
	longest := 0.0
	for _, r := range rows {
		for _, f := range r.by {
			longest = max(longest, p.of(f))
		}
	}
	fmt.Fprintf(b, `<text x="0" y="%d" font-size="14" font-weight="bold">%s</text>`+"\n", y+24, html.EscapeString(p.title))
	y += panelHead
	for _, r := range rows {
		fmt.Fprintf(b, `<text x="0" y="%d">%s</text>`+"\n", y+12, html.EscapeString(r.name))
		for i, sys := range systems {
			value := p.of(r.by[sys.name])
			width := 1.0
			if longest > 0 {
				width = max(1, value/longest*(plotWidth-labels-numbers-60))
			}
			fmt.Fprintf(b, `<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>`, labels, y, width, barHeight-3, colours[i%len(colours)])
			fmt.Fprintf(b, `<text x="%.1f" y="%d">%s %s</text>`+"\n", labels+width+6, y+11, fmt.Sprintf(p.form, value), html.EscapeString(sys.name))
			y += barHeight
		}
		y += rowGap
	}
	return y
}

// TestPlot: the picture is well-formed, has a bar for each figure, and the longest bar is the largest
// figure's.
func TestPlot(t *testing.T) {
	rows := []row{{scenario{name: "a & b"}, map[string]figures{"x": {loadResult: loadResult{Rate: 100, P99: 5}, CPU: 1}, "y": {}}}}
	systems := []system{{name: "x"}, {name: "y"}}
	text := plot(rows, systems)
	bars := 0
	for d := xml.NewDecoder(strings.NewReader(string(text))); ; {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "rect" {
			bars++
		}
	}
	if bars != 6 {
		t.Errorf("%d bars, want 6", bars)
	}
	if !strings.Contains(string(text), `width="400.0"`) || !strings.Contains(string(text), "100 x") {
		t.Errorf("no bar of full length:\n%s", text)
	}
	if got := table(rows, systems); !strings.Contains(got, "| a & b") || !strings.Contains(got, "x / y") {
		t.Errorf("table:\n%s", got)
	}
}

func TestMedian(t *testing.T) {
	f := median([]figures{{CPU: 3}, {CPU: 1}, {CPU: 2}})
	if f.CPU != 2 {
		t.Errorf("the median of 1, 2 and 3 is %v", f.CPU)
	}
}
