package main

import "slices"

// formats are the words that may follow --format.
var formats = []string{"text", "json", "xml"}

// joinFormat turns `--format json` into `--format=json`. The flag may stand
// alone, meaning json, and a flag library then takes no word after it as its
// value; scripts written for the older program use both.
func joinFormat(args []string) []string {
	var joined []string
	for i := 0; i < len(args); i++ {
		switch {
		case args[i] == "--":
			return append(joined, args[i:]...)
		case args[i] == "--format" && i+1 < len(args) && slices.Contains(formats, args[i+1]):
			joined = append(joined, "--format="+args[i+1])
			i++
		default:
			joined = append(joined, args[i])
		}
	}
	return joined
}
