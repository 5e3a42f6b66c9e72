package order

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestEqualElementsStayAsTheyWere(t *testing.T) {
	type element struct{ key, place int }
	compare := func(a, b *element) int { return a.key - b.key }
	random := rand.New(rand.NewPCG(1, 2))
	for length := range 200 {
		s := make([]element, length)
		for i := range s {
			s[i] = element{random.IntN(length), i}
		}
		want := slices.Clone(s)
		slices.SortStableFunc(want, func(a, b element) int { return compare(&a, &b) })
		By(s, compare)
		if !slices.Equal(s, want) {
			t.Fatalf("sorted %v, want %v", s, want)
		}
	}
}
