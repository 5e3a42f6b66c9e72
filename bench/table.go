package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// row is one line of the table. A limit is either absolute, in the row's unit,
// or a ratio to the floor; 0 means none.
type row struct {
	what     string
	unit     string
	ours     []float64
	floor    []float64
	limit    float64
	maxRatio float64
	// none says that the limit is that nothing happens at all.
	none bool
}

// verdict judges the row by its medians.
func (r row) verdict() (text string, broken bool) {
	ours, floor := median(r.ours), median(r.floor)
	switch {
	case r.none:
		return "none allowed", ours > 0
	case r.limit > 0:
		return fmt.Sprintf("≤ %g %s", r.limit, r.unit), ours > r.limit
	case r.maxRatio > 0:
		return fmt.Sprintf("≤ %g × floor", r.maxRatio), ours > r.maxRatio*floor
	}
	return "", false
}

// printTable prints the rows and returns how many of them break their limit.
func printTable(w io.Writer, rows []row) (broken int) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "measured\tn\tmedian\tworst\tC floor\tratio\tunit\tlimit\t\t")
	for _, r := range rows {
		floor, ratio := "-", "-"
		if len(r.floor) > 0 {
			floor = number(median(r.floor))
			ratio = fmt.Sprintf("%.2f", median(r.ours)/median(r.floor))
		}
		limit, bad := r.verdict()
		mark := ""
		switch {
		case bad:
			mark = "BROKEN"
			broken++
		case limit != "":
			mark = "kept"
		}
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n",
			r.what, len(r.ours), number(median(r.ours)), number(slices.Max(r.ours)), floor, ratio, r.unit, limit, mark)
	}
	table.Flush()
	return broken
}

func number(v float64) string { return fmt.Sprintf("%.2f", v) }

// median of an even number of values is the mean of the two in the middle.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
