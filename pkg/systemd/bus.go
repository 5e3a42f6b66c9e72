package systemd

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/godbus/dbus/v5"

	"systemg.org/sysg/pkg/sys"
)

// answerWithin bounds a question over D-Bus. Whoever is asked is at hand, or is
// not there at all.
const answerWithin = 5 * time.Second

// connect connects to the bus of the system, or of the user.
func connect(ctx context.Context, system bool) (*dbus.Conn, error) {
	if system {
		return dbus.ConnectSystemBus(dbus.WithContext(ctx))
	}
	return dbus.ConnectSessionBus(dbus.WithContext(ctx))
}

// Where systemd answers, see org.freedesktop.systemd1(5).
const (
	manager     = "org.freedesktop.systemd1"
	managerPath = dbus.ObjectPath("/org/freedesktop/systemd1")
)

// Supervised says whether a service manager has started this process.
func Supervised() bool { return os.Getenv("NOTIFY_SOCKET") != "" }

// ToStop asks, once it has sent SIGTERM, what for: whether our unit is to be
// stopped, by an administrator or since the machine goes down, and not to be
// restarted. A signal that comes from somebody else has no job at all.
func ToStop(ctx context.Context, system bool) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	conn, err := connect(ctx, system)
	if err != nil {
		return false, fmt.Errorf("cannot reach D-Bus: %w", err)
	}
	defer func() { _ = conn.Close() }()
	var unit dbus.ObjectPath
	err = conn.Object(manager, managerPath).CallWithContext(ctx, manager+".Manager.GetUnitByPID", 0, uint32(os.Getpid())).Store(&unit)
	if err != nil {
		return false, fmt.Errorf("cannot find our unit: %w", err)
	}
	var job struct {
		ID   uint32
		Path dbus.ObjectPath
	}
	if err := property(ctx, conn, unit, "Unit", "Job", &job); err != nil {
		return false, err
	}
	if job.ID == 0 {
		return false, nil
	}
	var kind string
	if err := property(ctx, conn, job.Path, "Job", "JobType", &kind); err != nil {
		return false, err
	}
	return kind == "stop", nil
}

func property(ctx context.Context, conn *dbus.Conn, path dbus.ObjectPath, kind, name string, value any) error {
	var found dbus.Variant
	err := conn.Object(manager, path).CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0, manager+"."+kind, name).Store(&found)
	if err == nil {
		err = found.Store(value)
	}
	if err != nil {
		return fmt.Errorf("cannot read %s of our %s: %w", name, kind, err)
	}
	return nil
}

// Polkit asks the authority of polkit(8) whether a process may do an action. It
// is named with the time of its start, so that a process which gets its number
// next is not meant. Nobody is asked for a password: the caller may have no
// terminal, and we would wait for it. Where there is no authority nothing is
// granted; an error says so.
func Polkit(ctx context.Context, uid, pid int, action string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	stat, err := sys.ReadProcStat(pid)
	if err != nil {
		return false, err
	}
	conn, err := connect(ctx, true)
	if err != nil {
		return false, fmt.Errorf("cannot reach D-Bus: %w", err)
	}
	defer func() { _ = conn.Close() }()
	subject := struct {
		Kind    string
		Details map[string]dbus.Variant
	}{"unix-process", map[string]dbus.Variant{
		"pid": dbus.MakeVariant(uint32(pid)), "start-time": dbus.MakeVariant(stat.Started), "uid": dbus.MakeVariant(int32(uid)),
	}}
	var answer struct {
		Authorized, Challenge bool
		Details               map[string]string
	}
	const authority, never = "org.freedesktop.PolicyKit1", uint32(0)
	err = conn.Object(authority, "/org/freedesktop/PolicyKit1/Authority").CallWithContext(ctx,
		authority+".Authority.CheckAuthorization", 0, subject, action, map[string]string{}, never, "").Store(&answer)
	if absent(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("cannot ask polkit: %w", err)
	}
	return answer.Authorized, nil
}

// absent says whether nobody has the name that was called, or the action is not
// installed; see the D-Bus Specification, and polkit_error in polkit's sources.
func absent(err error) bool {
	names := []string{
		"org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NameHasNoOwner",
		"org.freedesktop.DBus.Error.Spawn.ServiceNotFound",
	}
	failure, ok := err.(dbus.Error)
	return ok && slices.Contains(names, failure.Name)
}
