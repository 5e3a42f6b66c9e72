package main

import (
	"strings"
	"testing"
)

func TestMedian(t *testing.T) {
	cases := map[string]struct {
		values []float64
		want   float64
	}{
		"nothing":         {nil, 0},
		"one":             {[]float64{3}, 3},
		"odd, unsorted":   {[]float64{9, 1, 5}, 5},
		"even, the mean":  {[]float64{4, 1, 2, 9}, 3},
		"an outlier":      {[]float64{1, 1, 1, 1000, 1}, 1},
		"all of them one": {[]float64{2, 2, 2, 2}, 2},
	}
	for name, c := range cases {
		if got := median(c.values); got != c.want {
			t.Errorf("%s: median(%v) = %v, want %v", name, c.values, got, c.want)
		}
	}
}

func TestATableSaysWhatIsBroken(t *testing.T) {
	rows := []row{
		{what: "kept", unit: "ms", ours: []float64{4, 5, 900}, limit: 5},
		{what: "slow", unit: "ms", ours: []float64{5.1}, limit: 5},
		{what: "ratio kept", unit: "ms", ours: []float64{30}, floor: []float64{10}, maxRatio: 3},
		{what: "ratio broken", unit: "ms", ours: []float64{31}, floor: []float64{10}, maxRatio: 3},
		{what: "at rest", ours: []float64{0, 0, 2}, none: true},
		{what: "restless", ours: []float64{0, 2, 2}, none: true},
		{what: "no limit", unit: "ms", ours: []float64{1e6}},
	}
	var text strings.Builder
	if got := printTable(&text, rows); got != 3 {
		t.Errorf("%d limits are broken, want 3:\n%s", got, text.String())
	}
	for line := range strings.Lines(text.String()) {
		bad := strings.Contains(line, "slow") || strings.Contains(line, "broken") || strings.Contains(line, "restless")
		if strings.Contains(line, "BROKEN") != bad {
			t.Errorf("wrong verdict: %s", line)
		}
	}
}

func TestFieldOfProc(t *testing.T) {
	text := "nonvoluntary_ctxt_switches:\t7\nvoluntary_ctxt_switches:\t42\n"
	if got := field(text, "voluntary_ctxt_switches:"); got != 42 {
		t.Errorf("field = %d, want 42", got)
	}
}
