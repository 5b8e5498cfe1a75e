package answer

import (
	"net/netip"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/packetscope/packetscope/internal/annotator/explain/clean"
	"github.com/packetscope/packetscope/internal/annotator/explain/fact"
	"github.com/packetscope/packetscope/internal/annotator/explain/handle"
)

// text judges one text that may say the numbers of the facts that it cites.
func (g Ground) text(s string, cited []fact.Fact, most int) Code {
	switch {
	case len(s) == 0 || len(s) > most:
		return TextLength
	case !utf8.ValidString(s) || clean.Line(s, len(s)) != s:
		return BadCharacter
	}
	known := g.known()
	tokens := strings.Fields(s)
	for i, token := range tokens {
		word := strings.Trim(token, `.,;:!?()"'“”‘’…–—`)
		word = strings.TrimSuffix(word, "'s")
		if known[word] && !digits.MatchString(word) {
			continue
		}
		if code := alphabet(token); code != OK {
			return code
		}
		if code := g.token(word); code != OK {
			return code
		}
		if code := g.numbers(tokens, i, word, cited); code != OK {
			return code
		}
	}
	return OK
}

// known returns the words that the labels of the alert and of facts hold.
func (g Ground) known() map[string]bool {
	words := make(map[string]bool)
	add := func(all []fact.Label) {
		for _, l := range all {
			if clean.IsWord(l.Value) {
				words[l.Value] = true
			}
		}
	}
	add(g.Set.Alert.Labels)
	for _, f := range g.Set.Facts {
		add(f.Of)
		if clean.IsWord(f.Text) {
			words[f.Text] = true
		}
	}
	return words
}

// alphabet allows letters of Latin, digits, and the punctuation of sentences.
func alphabet(token string) Code {
	for _, r := range token {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		case strings.ContainsRune(`.,;:!?'"()/-+%“”‘’–—…°µ`, r):
		case r == '@':
			return Link
		case r < 0x80:
			return Markup
		case 0xc0 <= r && r < 0x250 && r != '×' && r != '÷':
		default:
			return BadCharacter
		}
	}
	return OK
}

var (
	scheme  = regexp.MustCompile(`[A-Za-z]{2,}:[^\s]`)
	domain  = regexp.MustCompile(`[A-Za-z0-9-]\.[A-Za-z]{2,}`)
	dotted  = regexp.MustCompile(`[0-9]+\.[0-9]+\.[0-9]`)
	hexes   = regexp.MustCompile(`(?i)^[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,}$|(?i)^[0-9a-f]{2}(?:-[0-9a-f]{2}){5}$`)
	slashed = regexp.MustCompile(`^[A-Za-z]+(?:/[A-Za-z]+)*$`)
	option  = regexp.MustCompile(`^--?[A-Za-z]`)
	factID  = regexp.MustCompile(`^F[1-9][0-9]*$`)
	digits  = regexp.MustCompile(`^[0-9]+$`)
)

// commands are names of programs that no sentence about a network needs.
var commands = map[string]bool{
	"sudo": true, "su": true, "bash": true, "zsh": true, "powershell": true, "cmd": true, "curl": true, "wget": true, "nft": true, "iptables": true, "ip6tables": true,
	"ebtables": true, "ufw": true, "firewall-cmd": true, "systemctl": true, "kubectl": true, "docker": true, "podman": true, "chmod": true,
	"chown": true, "sysctl": true, "modprobe": true, "insmod": true, "rmmod": true, "ethtool": true, "ifconfig": true, "tcpdump": true, "nc": true, "ncat": true,
	"netcat": true, "socat": true, "nmap": true, "python": true, "python3": true, "perl": true, "ruby": true, "eval": true, "exec": true, "rm": true, "dd": true,
	"mkfs": true, "shutdown": true, "reboot": true, "halt": true, "poweroff": true, "killall": true, "pkill": true, "crontab": true, "ssh-keygen": true, "scp": true,
	"tftp": true, "base64": true, "localhost": true,
}

// token judges a word without the punctuation around it.
func (g Ground) token(word string) Code {
	lower := strings.ToLower(word)
	switch {
	case strings.Contains(word, "//"), strings.HasPrefix(lower, "www."), scheme.MatchString(word), domain.MatchString(word):
		return Link
	case dotted.MatchString(word), hexes.MatchString(word), strings.Contains(word, "::"):
		return AddressInText
	case commands[lower], option.MatchString(word), strings.Contains(word, "/") && !slashed.MatchString(word):
		return CommandInText
	case handle.Form.MatchString(word):
		if _, _, ok := g.Table.Value(word); !ok {
			return UnknownHandle
		}
	case factID.MatchString(word):
		if _, ok := g.Set.Find(word); !ok {
			return UnknownFact
		}
	}
	if _, err := netip.ParsePrefix(word); err == nil {
		return AddressInText
	}
	return OK
}
