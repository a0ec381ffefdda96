package chaos

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// The plot of a chart, in SVG units; outside it is room for the axes' labels.
const (
	plotWidth  = 640.0
	plotHeight = 150.0
)

// chart is what the report's template draws.
type chart struct {
	Title, Unit string
	Top         string // label of the top of the vertical axis
	End         string // label of the end of the time axis
	Lines       []line
	Bars        []bar
	Rows        []row
	Legend      []line
}

type line struct{ Name, Class, Points string }

type bar struct {
	X, Y, Width, Height float64
	Class, Title        string
}

// row is a horizontal bar with its label.
type row struct {
	Name  string
	Count int
	Width float64
}

// charts draws latency, attempts, faults and outcomes.
func (r Result) charts() []chart {
	if len(r.Series) == 0 {
		return nil
	}
	end := r.Series[len(r.Series)-1].At.Duration() + bucketLength
	return []chart{
		r.latencyChart(end),
		r.attemptsChart(end),
		rowChart("Attempts by fault", r.Faults),
		rowChart("Attempts by outcome", r.Outcomes),
	}
}

func (r Result) latencyChart(end time.Duration) chart {
	top := Millis(1)
	for _, b := range r.Series {
		top = max(top, b.Max)
	}
	c := chart{Title: "Latency over time", Unit: "ms", Top: fmt.Sprintf("%.0f ms", top), End: seconds(end)}
	for _, l := range []struct {
		name, class string
		of          func(Bucket) Millis
	}{
		{"max", "max", func(b Bucket) Millis { return b.Max }},
		{"p99", "p99", func(b Bucket) Millis { return b.P99 }},
		{"p50", "p50", func(b Bucket) Millis { return b.P50 }},
	} {
		c.Legend = append(c.Legend, line{Name: l.name, Class: l.class, Points: "0,5 20,5"})
		for _, stretch := range stretches(r.Series) {
			var points strings.Builder
			for _, b := range stretch {
				x := float64(b.At.Duration()+bucketLength/2) / float64(end) * plotWidth
				fmt.Fprintf(&points, "%.1f,%.1f ", x, plotHeight*(1-float64(l.of(b)/top)))
			}
			c.Lines = append(c.Lines, line{l.name, l.class, strings.TrimSpace(points.String())})
		}
	}
	return c
}

// stretches are the parts of a series in which answers were timed: where nothing
// was, no line is drawn.
func stretches(series []Bucket) [][]Bucket {
	var all [][]Bucket
	var last *Bucket
	for _, b := range series {
		if b.Max == 0 {
			continue
		}
		if last == nil || b.At.Duration()-last.At.Duration() > 2*bucketLength {
			all = append(all, nil)
		}
		all[len(all)-1] = append(all[len(all)-1], b)
		last = &b
	}
	return all
}

func (r Result) attemptsChart(end time.Duration) chart {
	top := 1
	for _, b := range r.Series {
		top = max(top, b.Attempts)
	}
	c := chart{
		Title: "Attempts over time", Unit: fmt.Sprintf("in %s", bucketLength),
		Top: fmt.Sprint(top), End: seconds(end),
		Legend: []line{{Name: "acknowledged", Class: "good"}, {Name: "refused (4xx)", Class: "refused"}, {Name: "failed", Class: "failed"}},
	}
	width := float64(bucketLength) / float64(end) * plotWidth
	for _, b := range r.Series {
		y := plotHeight
		for _, part := range []struct {
			class string
			count int
		}{{"good", b.Acknowledged}, {"refused", b.Refused}, {"failed", b.Failed}} {
			if part.count == 0 {
				continue
			}
			height := float64(part.count) / float64(top) * plotHeight
			y -= height
			c.Bars = append(c.Bars, bar{
				X: float64(b.At.Duration()) / float64(end) * plotWidth, Y: y, Width: max(width*0.9, 0.5), Height: height,
				Class: part.class, Title: fmt.Sprintf("%s: %d %s", seconds(b.At.Duration()), part.count, part.class),
			})
		}
	}
	return c
}

func rowChart(title string, counts map[string]int) chart {
	c := chart{Title: title}
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(counts[b]-counts[a], cmp.Compare(a, b))
	})
	for _, name := range names {
		c.Rows = append(c.Rows, row{name, counts[name], 100 * float64(counts[name]) / float64(counts[names[0]])})
	}
	return c
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
