package api

// The codes of `sysg logs` that are not in diagnostic.go.
const (
	CodePruneUnbounded = "SG0017" // logs --prune without a bound
	CodeLooseMissing   = "SG0021" // no log of such a name
)

var logsExplanations = []Explanation{
	{
		CodePruneUnbounded, "`sysg logs --prune` was not told how much to keep.",
		"Neither `--max-size` nor `--max-age` was given, so nothing was deleted.",
		"Add one of them, as in `--max-size 100M` or `--max-age 7d`. To empty a log, use `--purge`.",
	},
	{
		CodeLooseMissing, "There is no output of a service of that name.",
		"The name is misspelt, or the service belongs to no project that was started here and never wrote anything.",
		"`sysg status` lists the services. One that stands in several projects is named PROJECT/SERVICE.",
	},
}
