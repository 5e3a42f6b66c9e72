package api

// Diagnostic is an error that a person can act on. It is what every
// user-visible failure becomes at the edge.
type Diagnostic struct {
	Code  string `json:"code"`
	Title string `json:"title"`
	// Project and Service name the unit it is about, "" where there is none.
	Project  string   `json:"project"`
	Service  string   `json:"service"`
	Notes    []string `json:"notes"`
	Evidence []string `json:"evidence"`
	Help     []Help   `json:"help"`
}

// Help is a way out: a command that mends what is wrong.
type Help struct {
	Label   string `json:"label"`
	Command string `json:"command"`
}

// Error makes a Diagnostic an error.
func (d *Diagnostic) Error() string { return d.Code + ": " + d.Title }

// The codes in use, each with one meaning that never changes.
const (
	CodeInternal          = "SG0001" // catch-all
	CodeAmbiguous         = "SG0006" // selector matches several projects
	CodeStartFailed       = "SG0008" // unit failed to start, no better diagnosis
	CodeLogsNoTarget      = "SG0019" // logs without a target
	CodeLogsSelector      = "SG0020" // logs --supervisor with a selector
	CodeUnreached         = "SG0022" // health check never reached the service
	CodeExitedAtStart     = "SG0102" // exited at once
	CodePreStart          = "SG0103" // pre_start failed
	CodeUnhealthy         = "SG0104" // health check reported unhealthy
	CodePortInUse         = "SG0105" // port already in use
	CodeHealthTimeout     = "SG0023" // health check attempts timed out
	CodePreStartTimeout   = "SG0108" // pre_start over budget
	CodeDependency        = "SG0109" // dependency did not reach its condition
	CodeGivenUp           = "SG0110" // restart budget used up
	CodeProjectMismatch   = "SG0201" // -p disagrees with the manifest
	CodeUnknownUnit       = "SG0202" // no such service or project
	CodeNoManifest        = "SG0203" // manifest not found or not readable
	CodeConflict          = "SG0204" // options that exclude each other
	CodeNotAnswering      = "SG0205" // supervisor alive but not answering
	CodeNoSupervisor      = "SG0206" // no supervisor running
	CodeInclude           = "SG0207" // included file missing, unreadable or no YAML
	CodeIncludeCycle      = "SG0208" // files include one another
	CodeIncludeBounds     = "SG0209" // includes too deep or too large
	CodeManifest          = "SG0210" // manifest invalid
	CodeRestartRejected   = "SG0301" // manifest rejected, nothing changed
	CodeRestartIncomplete = "SG0302" // some units are not up after a restart
	CodeHelper            = "SG0112" // sysg-exec is not there or refused
	CodeLaunch            = "SG0113" // a launch stage failed
	CodeStopIncomplete    = "SG0114" // processes are alive after a stop
	CodeSkipTimeout       = "SG0120" // skip command over budget
	CodeStartTimeout      = "SG0121" // not ready within start_timeout
	CodeLiveness          = "SG0122" // liveness check failed
	CodeWatchdog          = "SG0123" // watchdog not fed
	CodeReadyLost         = "SG0124" // its readiness can no longer be told
	CodeUntrusted         = "SG0211" // manifest's owner, mode or type is not acceptable
	CodeUnknownKey        = "SG0212" // key that does not exist
	CodeGraph             = "SG0213" // unknown dependency or cycle
	CodeDifference        = "SG0214" // works otherwise than in systemg 0.66
	CodeSystemMode        = "SG0705" // key that only the system's instance can enforce
)
