package api

import (
	"slices"
	"strings"

	"systemg.org/sysg/pkg/order"
)

// Explanation is what a code means, for `sysg explain` and docs/codes.md.
type Explanation struct {
	Code    string `json:"code"`
	Meaning string `json:"meaning"`
	Cause   string `json:"cause"`
	Remedy  string `json:"remedy"`
}

// Explanations are those of all codes, sorted by code.
func Explanations() []Explanation {
	all := slices.Concat(explanations, drivingExplanations, logsExplanations, timeExplanations, confinedExplanations)
	order.By(all, func(a, b *Explanation) int { return strings.Compare(a.Code, b.Code) })
	return all
}

// explanations has a row for each code of diagnostic.go, which a test holds.
// Those of codes.go are there.
// The sentences stand alone: they are read without the diagnostic.
var explanations = []Explanation{
	{
		CodeInternal, "Something failed that has no code of its own.",
		"The title says what was tried and what the system answered, such as a folder that cannot be written.",
		"Mend what the title names. If it is not clear, `sysg logs --supervisor` has what the supervisor saw.",
	},
	{
		CodeAmbiguous, "The name fits services of several projects.",
		"Two projects that are installed have a service of that name.",
		"Add `-p PROJECT`. The diagnostic lists the projects that have it.",
	},
	{
		CodeStartFailed, "A service did not start, and no better reason is known.",
		"It ended, or was stopped, before it was ready.",
		"Read `sysg why SERVICE` and `sysg logs -s SERVICE`.",
	},
	{
		CodeLogsNoTarget, "`sysg logs` was not told whose output to show.",
		"Neither a service, nor a project, nor the supervisor was named.",
		"Add `-s SERVICE`, `-p PROJECT` or `--supervisor`.",
	},
	{
		CodeLogsSelector, "`sysg logs --supervisor` was given a service or project as well.",
		"The supervisor's own log belongs to no service.",
		"Leave out `--supervisor`, or the other selector.",
	},
	{
		CodeUnreached, "A health check never reached the service.",
		"Nothing listens at the address of the check, or it is refused: the service listens elsewhere, not yet, or on another interface.",
		"Compare the address of its `health_check` with what the service says it listens on (`sysg logs -s SERVICE`).",
	},
	{
		CodeHealthTimeout, "The attempts of a health check took too long.",
		"The check hangs, as when what it asks does not answer, or `attempt_timeout` is shorter than it needs.",
		"Run the check by hand. If it is only slow, raise `attempt_timeout` or `total_timeout` of its `health_check`.",
	},
	{
		CodeExitedAtStart, "A service ended at once.",
		"Its command does not exist, its configuration is wrong, or it puts itself into the background.",
		"The evidence has its last output; `sysg logs -s SERVICE` has all. Have it run in the foreground.",
	},
	{
		CodePreStart, "The `pre_start` command failed, so the service was not started.",
		"The command exited with another code than 0, or could not be run.",
		"Mend what its output names, and start again; a restart runs it anew.",
	},
	{
		CodeUnhealthy, "The health check said that the service does not work.",
		"The service is up but not usable, as when it cannot reach its database, or the check looks in the wrong place.",
		"Read `sysg logs -s SERVICE`, and run the check by hand as the service's user.",
	},
	{
		CodePortInUse, "The port that a service listens on is taken.",
		"Another program has it, often an earlier copy of the same service that was started by hand.",
		"`ss -ltnp` shows who has it. End that one, or give the service another port.",
	},
	{
		CodePreStartTimeout, "The `pre_start` command took longer than it may.",
		"It waits for something that does not come, or has more to do than `pre_start_timeout` allows (5m).",
		"Find what it waits for, or raise `deployment.pre_start_timeout`.",
	},
	{
		CodeDependency, "A service was not started because of one that it depends on.",
		"The other did not become what `depends_on` asks: started, healthy or completed.",
		"`sysg why SERVICE` names the first cause. Mend that one; what waits for it follows.",
	},
	{
		CodeGivenUp, "A service failed so often that it is not started again for now.",
		"It used up `max_restarts` without one stable run.",
		"Find out why it ends (`sysg logs -s SERVICE`), then `sysg restart -s SERVICE`. Without that it is tried again after `retry_after`.",
	},
	{
		CodeHelper, "`sysg-exec`, the program that starts processes, is not there or refused.",
		"It is not installed beside the others, it has ended, or it is of another version.",
		"Check that `sysg`, `sysgd` and `sysg-exec` come from one installation, then `sysg stop --supervisor` and start again.",
	},
	{
		CodeLaunch, "A service could not be launched.",
		"One of the steps between the fork and its program failed: its directory, a limit, its environment or the program itself.",
		"The title names the step and what the kernel answered. Change that key of the service.",
	},
	{
		CodeStopIncomplete, "Processes of a service are alive after it was stopped.",
		"They cannot be killed yet, as in uninterruptible sleep on a disk or a network file system.",
		"The evidence lists them. Once they can go they do; `sysg status` shows what is left.",
	},
	{
		CodeSkipTimeout, "The `skip` command took longer than it may.",
		"It waits for something that does not come. Whether to leave the service out is not known, so it was not started.",
		"Run the command by hand, and have it answer within 5m: 0 to leave the service out, another code to run it.",
	},
	{
		CodeStartTimeout, "A service runs, but was not ready in time.",
		"What its `ready` rule waits for did not come within `start_timeout` (5m): READY=1, a line of output, or a line on a descriptor.",
		"The title names the rule. Check that the service does what the rule expects, or raise `start_timeout`.",
	},
	{
		CodeLiveness, "A service that was ready stopped answering its `liveness` check.",
		"It hangs or is overloaded, or the check looks in the wrong place. It was ended, as for any other failure.",
		"The title has the last answer. Run the check by hand; raise `failures` or `attempt_timeout` if the service is only slow.",
	},
	{
		CodeWatchdog, "A service did not send WATCHDOG=1 in time, or reported a failure with WATCHDOG=trigger.",
		"Its main loop hangs, or `watchdog` is shorter than its longest piece of work.",
		"The evidence has its last output. Have it send WATCHDOG=1 at least twice in each period, or lengthen `watchdog`.",
	},
	{
		CodeReadyLost, "A service gave its way of reporting readiness up before it was ready.",
		"It closed the descriptor of `ready: {fd: N}` without a line on it.",
		"Write a line to that descriptor before closing it, or use another `ready` rule.",
	},
	{
		CodeProjectMismatch, "`-p` names another project than the manifest has.",
		"The option and the file belong to different stacks.",
		"Leave out `-p`, or name the manifest of that project with `-c`.",
	},
	{
		CodeUnknownUnit, "There is no such service or project.",
		"The name is misspelt, or the stack that has it was never started.",
		"`sysg status` lists what there is.",
	},
	{
		CodeNoManifest, "The manifest was not found, or cannot be read.",
		"The command runs in another directory, or the file's mode keeps you out.",
		"Name it with `-c FILE`.",
	},
	{
		CodeConflict, "Two options exclude each other.",
		"Each asks for something else.",
		"Leave one out; `sysg help COMMAND` says what they do.",
	},
	{
		CodeNotAnswering, "The supervisor is alive but does not answer.",
		"It is stopped (SIGSTOP), or the machine is out of memory or processor time.",
		"Look at it with `ps`. Services keep running whatever happens to it; kill it, and the next `sysg` command brings it back.",
	},
	{
		CodeNoSupervisor, "No supervisor runs.",
		"Nothing was started yet, or it was stopped.",
		"`sysg start` starts it with the stack.",
	},
	{
		CodeInclude, "A file that the manifest includes cannot be used.",
		"It is missing or unreadable, or what is in it is not YAML. Paths are relative to the file that has the `!include`, and are taken without variables.",
		"Follow the include chain in the note to the place that names the file, and mend the path or the file.",
	},
	{
		CodeIncludeCycle, "Files include one another.",
		"A file includes itself, at once or through others.",
		"The note has the chain. Take one `!include` out of it.",
	},
	{
		CodeIncludeBounds, "Includes are nested too deep, or are too large together.",
		"More than 10 files include one another in a row, or the files are larger than 8 MiB together.",
		"Include the deeper files from further up, or split the stack into several manifests.",
	},
	{
		CodeManifest, "The manifest is not valid.",
		"A value cannot be read, a key is missing or is not supported by this version, or the text is not YAML.",
		"Each problem has its line and what to write there. `sysg validate` shows all of them at once.",
	},
	{
		CodeUntrusted, "The manifest, or a file it includes, could be changed by somebody who must not.",
		"It belongs to another user, others can write it, or it is no regular file. Whoever can change it decides what runs as you.",
		"Take ownership (`chown`) and write permission of others (`chmod go-w`); the diagnostic has the command.",
	},
	{
		CodeUnknownKey, "A key does not exist.",
		"It is misspelt, or stands in the wrong place.",
		"The nearest key is suggested. `sysg schema` has all keys, and editors can complete by it.",
	},
	{
		CodeGraph, "The dependencies of services do not work out.",
		"`depends_on` names a service that the project does not have, or services wait for one another in a circle.",
		"Correct the name, or take one dependency out of the circle that is shown.",
	},
	{
		CodeDifference, "The manifest uses what systemg 0.66 does otherwise.",
		"It says that it is of version 1 or 2, and has a key that works better here. `sysg start` does not mention it.",
		"Read the note. Where what happens now is what you want, write `version: \"3\"`, and it is not pointed out again.",
	},
	{
		CodeRestartRejected, "The manifest was rejected, and nothing was changed.",
		"It was edited since the last start and is not valid now. Everything runs on as before.",
		"Mend what follows it (`sysg validate`), and restart again.",
	},
	{
		CodeRestartIncomplete, "Some services are not up after a restart.",
		"They failed with the new manifest. The others run.",
		"`sysg why SERVICE` says why for each.",
	},
	{
		CodeSystemMode, "The manifest has a key that only the system's instance can enforce.",
		"Changing users, capabilities, namespaces, file system views, seccomp, landlock and limits of cgroups take root. A user's instance could only accept and ignore them.",
		"Leave the key out, or have root start the manifest with `sysg --sys`.",
	},
}
