package manifest

// Nearest is the candidate that a misspelt name most probably means.
func Nearest(name string, candidates []string) (string, bool) {
	best, found := 1+min(3, max(1, len(name)/3)), ""
	for _, candidate := range candidates {
		if d := distance(name, candidate, best); d < best {
			best, found = d, candidate
		}
	}
	return found, found != ""
}

// distance counts the letters to insert, remove, replace or swap with their
// neighbour to get from a to b. Anything from bound on counts as bound.
func distance(a, b string, bound int) int {
	if len(a)-len(b) >= bound || len(b)-len(a) >= bound {
		return bound
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replace := last[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			row[j] = min(last[j]+1, row[j-1]+1, replace)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return min(last[len(b)], bound)
}
