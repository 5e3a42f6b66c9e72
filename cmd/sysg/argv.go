package main

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// formats are the words that may follow --format.
var formats = []string{"text", "json", "xml"}

// joinFormat turns `--format json` into `--format=json`. The flag may stand
// alone, meaning json, and a flag library then takes no word after it as its
// value; scripts written for the older program use both. With untilWord what
// follows the first word that is no flag, nor the value of one, is left as it
// is: it belongs to somebody else.
func joinFormat(args []string, flags *pflag.FlagSet, untilWord bool) []string {
	var joined []string
	for i := 0; i < len(args); i++ {
		switch {
		case args[i] == "--", untilWord && !strings.HasPrefix(args[i], "-"):
			return append(joined, args[i:]...)
		case args[i] == "--format" && i+1 < len(args) && slices.Contains(formats, args[i+1]):
			joined = append(joined, "--format="+args[i+1])
			i++
		case takesWord(args[i], flags) && i+1 < len(args):
			joined = append(joined, args[i], args[i+1])
			i++
		default:
			joined = append(joined, args[i])
		}
	}
	return joined
}

// takesWord says whether a flag takes the next word as its value: -s, --config
// and -qs, but not --config=F, -sF or --daemonize.
func takesWord(arg string, flags *pflag.FlagSet) bool {
	if flags == nil {
		return false
	}
	if name, long := strings.CutPrefix(arg, "--"); long {
		f := flags.Lookup(name)
		return f != nil && f.NoOptDefVal == ""
	}
	letters, short := strings.CutPrefix(arg, "-")
	for i := range len(letters) {
		f := flags.ShorthandLookup(letters[i : i+1])
		if !short || f == nil {
			return false
		}
		if f.NoOptDefVal == "" {
			return i == len(letters)-1
		}
	}
	return false
}
