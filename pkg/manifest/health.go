package manifest

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"systemg.org/sysg/pkg/generation"
)

// There are three kinds of check with the same keys but for a few.
var (
	healthObject    = Object{Name: "a health check", need: someProbe, Keys: append(probeKeys(urlType, tcpType), retryKeys("retries")...)}
	livenessObject  = Object{Name: "liveness", need: someProbe, Keys: append(probeKeys(urlType, tcpType), livenessRetryKeys()...)}
	candidateObject = Object{Name: "a candidate check", need: someProbe, Keys: append(probeKeys(slotURLType, slotTCPType), retryKeys("retries")...)}
)

// someProbe is one way to check, or a command beside a URL, which wins in
// versions 1 and 2, as it always did. The parser tells the versions apart.
var someProbe = node{"anyOf": []node{
	exactlyOne("command", "exec", "url", "tcp", "unix"),
	{"required": []string{"command", "url"}, "not": node{"anyOf": []node{{"required": []string{"exec"}}, {"required": []string{"tcp"}}, {"required": []string{"unix"}}}}},
}}

func probeKeys(url, tcp *Type) []*Key {
	return []*Key{
		key("command", shell, "", "shell command that exits 0 if all is well", in(func(h *Health) any { return &h.Command })),
		key("exec", argv, "", "the same without a shell", in(func(h *Health) any { return &h.Exec })),
		key("url", url, "", "URL that answers 2xx; https is asked by curl; proxies are not used", in(func(h *Health) any { return &h.URL })),
		key("tcp", tcp, "", "host:port that accepts a connection", in(func(h *Health) any { return &h.TCP })),
		key("unix", directory, "", "path of a socket that accepts a connection", in(func(h *Health) any { return &h.Unix })),
		key("interval", positive, "2s", "time between attempts", in(func(h *Health) any { return &h.Interval })),
		key("attempt_timeout", positive, "30s", "time for one attempt", in(func(h *Health) any { return &h.AttemptTimeout })),
		key("total_timeout", positive, "", "time for all attempts", in(func(h *Health) any { return &h.TotalTimeout })),
		{Name: "timeout", Type: positive, Doc: "the same as total_timeout", AliasOf: "total_timeout", field: in(func(h *Health) any { return &h.TotalTimeout })},
	}
}

func retryKeys(name string) []*Key {
	return []*Key{key(name, integer(1, 1_000_000), "3", "attempts that may fail", in(func(h *Health) any { return &h.Retries }))}
}

func livenessRetryKeys() []*Key {
	return append(retryKeys("failures"), &Key{
		Name: "retries", Type: integer(1, 1_000_000), Doc: "the same as failures", AliasOf: "failures", field: in(func(h *Health) any { return &h.Retries }),
	})
}

// healthType reads one of the checks into a *Health.
func healthType(o *Object) *Type {
	return &Type{Name: o.Name, Accepts: "a mapping", Object: o, form: keysOf(o), nullable: true, read: func(r *reader, v value, to any) {
		h, before := &Health{at: v}, r.errors
		r.defaults(o, h)
		r.object(o, v, h)
		*to.(**Health) = h
		if r.errors > before {
			return
		}
		r.checkHealth(v, o, h)
		r.checkSeen(v, h)
		h.overTLS()
	}}
}

// overTLS has a check over https made by curl(1), as a command of the service like
// another. So the supervisor is no peer in TLS, of whoever, and links nothing of
// it; and whom to believe is the service's affair (CURL_CA_BUNDLE, SSL_CERT_FILE).
func (h *Health) overTLS() {
	if scheme, _, _ := strings.Cut(h.URL, ":"); strings.EqualFold(scheme, "https") {
		for _, word := range []string{"/bin/sh", "-c", askOverTLS, "curl", h.URL} {
			h.Exec = append(h.Exec, Text{Raw: word, Value: word})
		}
		h.URL = ""
	}
}

// askOverTLS passes where $1 answers 2xx, as a check by http does.
const askOverTLS = `command -v curl >/dev/null || { echo "a check over https takes curl, which is not installed" >&2; exit 127; }
code=$(curl --silent --show-error --noproxy '*' --output /dev/null --write-out '%{http_code}' "$1") || exit
case $code in 2??) ;; *) echo "answered $code" >&2; exit 1; esac`

func (r *reader) checkHealth(v value, o *Object, h *Health) {
	var ways []string
	for _, way := range []struct {
		name  string
		given bool
	}{{"command", h.Command != ""}, {"exec", h.Exec != nil}, {"url", h.URL != ""}, {"tcp", h.TCP != ""}, {"unix", h.Unix != ""}} {
		if way.given {
			ways = append(ways, way.name)
		}
	}
	switch {
	case len(ways) == 1:
	case len(ways) == 0:
		r.report(v, Problem{Kind: KindHealthCheck, Message: o.Name + " checks nothing", Suggestion: "add command, exec, url, tcp or unix"})
	case r.version < 3 && slices.Equal(ways, []string{"command", "url"}):
		h.URL = ""
		r.report(v.at("url"), Problem{
			Kind: KindHealthCheck, Warning: true, Message: "url is ignored beside command",
			Why: "manifests of versions 1 and 2 always had it so; version 3 refuses it",
		})
	default:
		r.report(v, Problem{Kind: KindHealthCheck, Message: fmt.Sprintf("%s has %s", o.Name, strings.Join(ways, " and ")), Suggestion: "give exactly one of them"})
	}
}

// checkSeen warns of a socket that sysgd, who connects, does not see: its unit has
// a /tmp and a /var/tmp of its own (PrivateTmp=, systemd.exec(5)).
func (r *reader) checkSeen(v value, h *Health) {
	if !r.opts.System || !strings.HasPrefix(h.Unix, "/tmp/") && !strings.HasPrefix(h.Unix, "/var/tmp/") {
		return
	}
	r.report(v.at("unix"), Problem{
		Kind: KindHealthCheck, Warning: true, Message: fmt.Sprintf("sysgd does not see %s, so this check fails", quote(h.Unix)),
		Suggestion: "put the socket below /run, or check it with command", Why: "sysgd.service has a /tmp and a /var/tmp of its own",
	})
}

var (
	urlType     = word("a URL", "http:// or https:// and a host, such as http://127.0.0.1:8080/health", webAddress, parseURL)
	slotURLType = word("a URL", "http:// or https:// and a host, such as http://127.0.0.1:{slot}/health", webAddress, parseSlotURL)
	slotTCPType = word("an address", "host:port, such as localhost:{slot}", matching(`.*:([0-9]+|.*\{.*)`), parseSlotHostPort)
	tcpType     = word("an address", "host:port, such as localhost:5432", matching(`.*:[0-9]+`), parseHostPort)
)

func webAddress(*schema) node {
	return node{"type": "string", "pattern": `^[Hh][Tt][Tt][Pp][Ss]?://.|\$`}
}

// parseURL accepts what a probe can ask. Who probes is sysgd, which is not told
// any secrets, so that none may stand in the place for them.
func parseURL(text string) (string, error) {
	parsed, err := url.Parse(text)
	switch {
	case err != nil:
		return "", errors.New("it is none")
	case parsed.Scheme != "http" && parsed.Scheme != "https":
		return "", errors.New("it does not begin with http:// or https://")
	case parsed.Hostname() == "":
		return "", errors.New("it names no host")
	case parsed.User != nil:
		return "", errors.New("a check does not log in, use command with curl")
	}
	if port := parsed.Port(); port != "" {
		if _, err := parsePort(port); err != nil {
			return "", err
		}
	}
	return text, nil
}

// slotNames stand for a slot of a blue/green deployment.
var slotNames = []string{"{slot}", "{active_slot}", "{candidate_slot}"}

// parseSlotURL accepts one that is complete once a slot is filled in.
func parseSlotURL(text string) (string, error) {
	_, err := parseURL(inSomeSlot(text))
	return text, err
}

func parseSlotHostPort(text string) (string, error) {
	_, err := parseHostPort(inSomeSlot(text))
	return text, err
}

func inSomeSlot(text string) string {
	for _, name := range slotNames {
		text = strings.ReplaceAll(text, name, "1")
	}
	return strings.ReplaceAll(text, "{service_name}", "x")
}

// parseHostPort accepts host:port with a name or an address, in brackets where
// that has colons itself.
func parseHostPort(text string) (string, error) {
	host, _, err := splitHostPort(text)
	if err == nil && host == "" {
		err = errors.New("it names no host")
	}
	return text, err
}

// splitHostPort is net.SplitHostPort, which this package must do without, for
// ports that are numbers.
func splitHostPort(text string) (host string, port int, err error) {
	colon := strings.LastIndexByte(text, ':')
	if colon < 0 {
		return "", 0, errors.New("it has no port")
	}
	if port, err = parsePort(text[colon+1:]); err != nil {
		return "", 0, err
	}
	host = text[:colon]
	if inner, bracketed := strings.CutPrefix(host, "["); bracketed {
		inner, closed := strings.CutSuffix(inner, "]")
		if addr, err := netip.ParseAddr(inner); !closed || err != nil || !addr.Is6() {
			return "", 0, errors.New("no IPv6 address is in the brackets")
		}
		return inner, port, nil
	}
	if strings.ContainsAny(host, ":[]/ ") {
		return "", 0, errors.New("an IPv6 address needs brackets, such as [::1]:80")
	}
	return host, port, nil
}

func parsePort(text string) (int, error) {
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 || text[0] == '+' {
		return 0, errors.New("a port is a number from 1 to 65535")
	}
	return int(port), nil
}

// probe is the check as sysgd makes it.
func (h *Health) probe() *generation.Probe {
	if h == nil {
		return nil
	}
	probe := h.Probe
	return &probe
}
