package api

// Absence is a code of the older program that does not occur here, and why.
type Absence struct {
	Code    string `json:"code"`
	Meaning string `json:"meaning"`
	Reason  string `json:"reason"`
}

// Absences are those of all such codes, sorted. Scripts that look for them find
// out here that they need not.
func Absences() []Absence { return absences }

const (
	unused  = "The older program never showed it either."
	noPID1  = "`sysg init` is not part of this version."
	noLive  = "There is no upgrade command: the supervisor can be replaced at any time, and its services run on."
	noXML   = "Only the settings of the older program are taken over (supervisor.xml); its services are started anew from their manifests, so no state is migrated."
	noTrace = "The older program reserved it. Nothing is observed with eBPF in this version."
)

var absences = []Absence{
	{"SG0002", "The history of a cron unit could not be restored.", "A history that cannot be read is set aside, and the supervisor's log says so."},
	{"SG0003", "Two cron units have the same name.", "A manifest with two services of one name is refused as invalid (SG0210)."},
	{"SG0004", "A one-shot that ended well was taken for failed.", unused},
	{"SG0007", "The supervisor cannot be restarted now.", "It can be at any time: its services belong to sysg-exec."},
	{"SG0010", "The source of a log is not available.", unused},
	{"SG0011", "Following a log fell behind.", "Logs are followed in their files, where nothing is lost."},
	{"SG0012", "A log was over its bound.", "Logs are rotated at `logs.max_bytes`."},
	{"SG0013", "A service in the background has an invalid environment.", unused},
	{"SG0014", "The installer cannot get the release.", "Packages are installed by the system's package manager."},
	{"SG0015", "Records of processes disagree.", "`sysg doctor` says what disagrees, with SG0009."},
	{"SG0016", "A rolling replacement failed, without a better reason.", "Every failure of a candidate has its own code."},
	{"SG0106", "A project is registered, but its services are not up.", "Each service that is not up is told with its own code."},
	{"SG0107", "The supervisor is busy.", "It carries out commands side by side."},
	{"SG0501", "The new supervisor's program is not trusted.", noLive},
	{"SG0502", "The new supervisor is not compatible.", noLive},
	{"SG0503", "The supervisor cannot be replaced right now.", noLive},
	{"SG0504", "The hand-over failed, and the old supervisor goes on.", noLive},
	{"SG0505", "The new supervisor failed, and the old one is back.", noLive},
	{"SG0601", "State of an older version has to be migrated.", noXML},
	{"SG0603", "State that belongs to no project was archived.", noXML},
	{"SG0604", "An earlier migration was not finished.", noXML},
	{"SG0605", "A migrated file differs from its checksum.", noXML},
	{"SG0703", "The unit or plist is broken.", "Units are installed by packages, and systemd reports on them."},
	{"SG0711", "Not Linux, or not process 1.", noPID1},
	{"SG0712", "Process 1 misses something.", noPID1},
	{"SG0713", "Something outlived the end of process 1.", noPID1},
	{"SG0714", "Process 1 cannot be upgraded.", noPID1},
	{"SG0725", "There is no such seccomp profile.", "A profile that does not exist is refused when the manifest is read (SG0210)."},
	{"SG0726", "seccomp does not know this processor.", "A filter that cannot be compiled is refused when the manifest is read (SG0210)."},
	{"SG0731", "Reserved for observation.", noTrace},
	{"SG0732", "Reserved for observation.", noTrace},
	{"SG0733", "Reserved for observation.", noTrace},
}
