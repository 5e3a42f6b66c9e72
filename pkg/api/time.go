package api

// What `sysg cron` asks, and what is answered; and the codes of schedules and
// of children that a service asks for.

const (
	MethodCron    = Interface + ".Cron"
	MethodCronRun = Interface + ".CronRun"
)

// CronQuery is the parameters of Cron.
type CronQuery struct {
	Project  string   `json:"project"`
	Services []string `json:"services"`
	// Next is how many of the times to come are told.
	Next int `json:"next"`
}

// CronRunNow is the parameters of CronRun.
type CronRunNow struct {
	Project string `json:"project"`
	Service string `json:"service"`
	// Wait waits for the end of the run, not only for its begin.
	Wait bool `json:"wait"`
}

// CronUnit is a scheduled unit with all that is known of its runs.
type CronUnit struct {
	Project    string `json:"project"`
	Service    string `json:"service"`
	Expression string `json:"expression"`
	// Phase is that of the unit; down is one that was stopped.
	Phase         string `json:"phase"`
	TimezoneLabel string `json:"timezone_label"`
	Timezone      string `json:"timezone,omitempty"`
	// Next are the times to come, RFC 3339 in the unit's zone.
	Next []string `json:"next"`
	// Runs are the newest first.
	Runs []CronRun `json:"runs"`
}

// The codes of schedules and children.
const (
	CodeCronDirect    = "SG0101" // cron unit controlled directly
	CodeCronTimeout   = "SG0130" // run over its time
	CodeCronRunning   = "SG0131" // a run is in progress
	CodeCronStopped   = "SG0132" // cron unit is not scheduled
	CodeNotCron       = "SG0133" // unit has no schedule
	CodeCronFailed    = "SG0134" // run that was waited for did not succeed
	CodeCronNoSuchRun = "SG0135" // no such run in the history
	CodeChildRefused  = "SG0140" // child not allowed
	CodeChildFailed   = "SG0141" // child could not be launched
)

var timeExplanations = []Explanation{
	{
		CodeCronDirect, "A unit with a schedule was started or restarted directly.",
		"`start -s` and `restart -s` are for services that run all the time. A unit with `cron` runs when its schedule says.",
		"`sysg cron run UNIT` runs it now. `sysg start -p PROJECT` puts its schedule into effect.",
	},
	{
		CodeCronTimeout, "A run of a schedule took too long and was ended.",
		"It did not end within `cron.timeout` (1 hour).",
		"`sysg cron history UNIT --log 1` has its output. Raise `cron.timeout` if it needs longer.",
	},
	{
		CodeCronRunning, "The unit runs at this moment, so it was not run once more.",
		"Its `cron.overlap` is `skip`: one run at a time, and none waits.",
		"`sysg cron history UNIT` shows the run in progress. With `overlap: queue` a run waits for the end of the last.",
	},
	{
		CodeCronStopped, "The unit is stopped, so it does not run.",
		"It, or its project, was stopped, or it is skipped.",
		"`sysg start -p PROJECT` puts its schedule into effect; then run it.",
	},
	{
		CodeNotCron, "The unit has no schedule.",
		"Its manifest has no `cron` for it.",
		"`sysg cron next` lists the units that have one. `sysg start -s SERVICE` starts a service.",
	},
	{
		CodeCronFailed, "The run that was waited for did not succeed.",
		"Its command failed, took too long, or was ended by somebody.",
		"The title says how it ended, the evidence has its last output. `sysg cron history UNIT --log 1` has all of that.",
	},
	{
		CodeCronNoSuchRun, "The history has no such run.",
		"Runs are counted from the newest, 1. Only the last ones are kept (`cron.history`, 50).",
		"`sysg cron history UNIT` lists them.",
	},
	{
		CodeChildRefused, "A process asked for a child that it may not have.",
		"The service has no `spawn` with `mode: dynamic`, a limit of `spawn.limits` is reached, or the process belongs to no service.",
		"The note names the limit. Raise it in the manifest, or end children that are not needed any more.",
	},
	{
		CodeChildFailed, "A child could not be launched.",
		"Its program does not exist, or may not be run.",
		"The note has what the system said.",
	},
}
