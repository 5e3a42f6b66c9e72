// Package order sorts slices of structs, with little code for each kind.
//
// slices.SortFunc is compiled anew for each type it sorts, and its pattern
// defeating quicksort is 15 KiB of a program every time; those of slices and of
// sort together were a thirtieth of the three programs. Here the places are
// sorted, which are ints whatever stands at them, and the elements are moved once.
// Ordered elements (strings, numbers) are left to slices.Sort, which has few types
// to know.
package order

import (
	"cmp"
	"slices"
)

// By sorts s by what compare says of two elements, as slices.SortFunc has it.
// Those that are equal stay as they were.
func By[S ~[]E, E any](s S, compare func(a, b *E) int) {
	order := places(len(s), func(i, j int) int { return compare(&s[i], &s[j]) })
	if slices.IsSorted(order) {
		return
	}
	sorted := make(S, len(s))
	for to, from := range order {
		sorted[to] = s[from]
	}
	copy(s, sorted)
}

// places are the numbers below n, in the order that compare gives them.
func places(n int, compare func(i, j int) int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		if less := compare(i, j); less != 0 {
			return less
		}
		return cmp.Compare(i, j)
	})
	return order
}
