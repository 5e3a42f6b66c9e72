package main

import (
	"fmt"
	"strings"
	"testing"
)

func TestWhatASelectorMeans(t *testing.T) {
	known := catalogue{"shop": {"api", "db"}, "blog": {"api", "web"}}
	for _, test := range []struct {
		project, services string
		want              string // selections, or a code
	}{
		{"", "", "blog[] shop[]"},
		{"shop", "", "!shop[]"},
		{"", "db", "shop[db]"},
		{"", "db web", "blog[web] shop[db]"},
		{"", "db db", "shop[db]"},
		{"", "shop/api", "!shop[api]"},
		{"", "shop/api db", "shop[api db]"},
		{"shop", "api db", "!shop[api db]"},
		{"shop", "shop/api", "!shop[api]"},
		{"", "api", "SG0006"},
		{"", "cache", "SG0202"},
		{"shop", "web", "SG0202"},
		{"store", "", "SG0202"},
		{"", "store/api", "SG0202"},
		{"", "shop/web", "SG0202"},
		{"blog", "shop/api", "SG0201"},
	} {
		selections, err := scope{test.project, strings.Fields(test.services)}.resolve(known)
		got := code(t, err)
		if err == nil {
			var parts []string
			for _, s := range selections {
				mark := ""
				if s.named {
					mark = "!"
				}
				parts = append(parts, fmt.Sprint(mark, s.project, s.services))
			}
			got = strings.Join(parts, " ")
		}
		if got != test.want {
			t.Errorf("-p %q -s %q: %s, want %s", test.project, test.services, got, test.want)
		}
	}
}

func TestSentences(t *testing.T) {
	for _, test := range []struct {
		selections []selection
		said, want string
	}{
		{nil, "", "All services stopped"},
		{[]selection{{project: "a"}, {project: "b"}}, "whatever", "All services stopped"},
		{[]selection{{project: "a"}}, "", "Project 'a' stopped"},
		{[]selection{{project: "a"}}, "Project 'a' stopped (1 removed)", "Project 'a' stopped (1 removed)"},
		{[]selection{{"a", []string{"x"}, true}}, "Service 'x' stopped", "Service 'x' stopped in project 'a'"},
		{[]selection{{"a", []string{"x"}, false}}, "Service 'x' stopped", "Service 'x' stopped"},
		{[]selection{{"a", []string{"x", "y"}, true}}, "", "Services 'x', 'y' stopped in project 'a'"},
	} {
		if got := sentence(test.selections, "stopped", test.said); got != test.want {
			t.Errorf("%v: %q, want %q", test.selections, got, test.want)
		}
	}
}
