package main

import (
	"fmt"
	"slices"
	"strings"

	"systemg.org/sysg/pkg/order"
	"systemg.org/sysg/pkg/security"
)

func printSecurity(out *output, reports []exposure, one bool) error {
	switch {
	case out.machine():
		return out.print("security", map[string]any{"units": reports})
	case one && len(reports) == 1:
		fmt.Fprint(out.stdout, renderExposure(&reports[0], out.colour))
	case len(reports) == 0:
		fmt.Fprintln(out.stdout, "no service runs")
	default:
		fmt.Fprint(out.stdout, renderExposures(reports, out.colour))
	}
	return nil
}

// renderExposures is a table, the most exposed first.
func renderExposures(reports []exposure, colour bool) string {
	reports = slices.Clone(reports)
	order.By(reports, func(a, b *exposure) int {
		switch {
		case a.Exposure > b.Exposure:
			return -1
		case a.Exposure < b.Exposure:
			return 1
		}
		return 0
	})
	rows := [][]string{{"UNIT", "PID", "EXPOSURE", "VERDICT", "MOST TO BE WON BY"}}
	for i := range reports {
		r := &reports[i]
		rows = append(rows, []string{
			r.Project + "/" + r.Service, fmt.Sprint(r.PID), fmt.Sprintf("%.1f", r.Exposure), string(r.Verdict), strings.Join(r.Worst(3), ", "),
		})
	}
	return align(rows, func(row, column int, text string) string {
		switch {
		case row == 0:
			return paint(colour, bold, text)
		case column == 3:
			return paint(colour, verdictStyle(security.Verdict(text)), text)
		}
		return text
	})
}

func verdictStyle(v security.Verdict) style {
	switch v {
	case security.Exposed:
		return red
	case security.Medium:
		return yellow
	}
	return green
}

// renderExposure is one service with all that was found.
func renderExposure(r *exposure, colour bool) string {
	var b strings.Builder
	more := ""
	if r.Processes > 1 {
		more = fmt.Sprintf(" and %d more", r.Processes-1)
	}
	fmt.Fprintf(&b, "%s, process %d%s: exposure %s, %s\n\n", paint(colour, bold, r.Project+"/"+r.Service), r.PID, more,
		paint(colour, verdictStyle(r.Verdict), fmt.Sprintf("%.1f of 10", r.Exposure)), r.Verdict)
	rows := [][]string{{"EXPOSURE", "KEY", "IT IS", "EVIDENCE"}}
	var helps []string
	for _, f := range r.Findings {
		rows = append(rows, []string{fmt.Sprintf("%.2f of %.2f", f.Exposure, f.Most), f.Key, clean(f.Is), clean(f.Evidence)})
		if f.Help != "" && !slices.Contains(helps, f.Help) {
			helps = append(helps, f.Help)
		}
	}
	b.WriteString(align(rows, boldHead(colour)))
	for _, help := range helps {
		fmt.Fprintf(&b, "%s %s\n", paint(colour, green, "help:"), help)
	}
	return b.String()
}
