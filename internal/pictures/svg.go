package main

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rivo/uniseg"
)

// film is what a terminal showed, as a picture that moves.
type film struct {
	terminal
	Title  string
	Frames []frame
}

// The form of the picture, in its units.
const (
	cell   = 8.4 // the width of a character
	line   = 18.0
	margin = 14.0
	bar    = 30.0 // of the window
	// mostFrames bounds the size of the picture.
	mostFrames = 60
	// last is how long the end stays.
	last = 6 * time.Second
	// longest is how long a frame stays at most: a pause in the build is none in the picture.
	longest = 2 * time.Second
)

// colours are those of SGR 30 to 37 and 90 to 97, readable on the dark ground.
var colours = map[int]string{
	30: "#6b7280", 31: "#f87171", 32: "#6ee7a0", 33: "#fbbf24", 34: "#7cb7ff", 35: "#d8a4ff", 36: "#67d5e6", 37: "#e5e7eb",
	90: "#8b93a1", 91: "#fca5a5", 92: "#a7f3c4", 93: "#fcd34d", 94: "#a5cdff", 95: "#e6c8ff", 96: "#a5ecf7", 97: "#ffffff",
}

// svg draws the frames one above the other, and moves them past a window. Lines that come
// again are drawn once. Who wants no movement sees the last frame.
func (f film) svg() []byte {
	frames := f.Frames
	if step := (len(frames) + mostFrames - 1) / mostFrames; step > 1 {
		var fewer []frame
		for i := 0; i < len(frames); i += step {
			group := frames[i:min(i+step, len(frames))]
			kept := frame{Lines: group[len(group)-1].Lines}
			for _, g := range group {
				kept.Shown += g.Shown
			}
			fewer = append(fewer, kept)
		}
		frames = fewer
	}
	width, height := float64(f.Width)*cell+2*margin, float64(f.Height)*line+2*margin+bar
	strip := float64(f.Height) * line
	var shown time.Duration
	for i := range frames {
		frames[i].Shown = min(frames[i].Shown, longest)
		if i == len(frames)-1 {
			frames[i].Shown = last
		}
		shown += frames[i].Shown
	}

	var defs, body, steps bytes.Buffer
	known := map[string]int{}
	var at time.Duration
	for i, fr := range frames {
		fmt.Fprintf(&steps, "%.2f%%{transform:translateY(%.0fpx)}", 100*at.Seconds()/shown.Seconds(), -strip*float64(i))
		at += fr.Shown
		for row, text := range fr.Lines[:min(len(fr.Lines), f.Height)] {
			if strings.TrimSpace(text) == "" {
				continue
			}
			id, again := known[text]
			if !again {
				id = len(known)
				known[text] = id
				fmt.Fprintf(&defs, `<g id="l%d">%s</g>`, id, drawn(text))
			}
			fmt.Fprintf(&body, `<use href="#l%d" y="%.0f"/>`, id, strip*float64(i)+line*float64(row))
		}
	}
	fmt.Fprintf(&steps, "100%%{transform:translateY(%.0fpx)}", -strip*float64(len(frames)-1))

	var out bytes.Buffer
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" role="img" aria-label="%s">`, width, height, width, height, escaped(f.Title))
	fmt.Fprintf(&out, `<style>text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#d1d5db;white-space:pre}.b{font-weight:bold}`)
	fmt.Fprintf(&out, `.film{animation:play %.2fs step-end infinite}@keyframes play{%s}@media(prefers-reduced-motion:reduce){.film{animation:none;transform:translateY(%.0fpx)}}</style>`, shown.Seconds(), steps.String(), -strip*float64(len(frames)-1))
	fmt.Fprintf(&out, `<rect width="100%%" height="100%%" rx="10" fill="#14181f"/>`)
	for i, fill := range []string{"#f87171", "#fbbf24", "#6ee7a0"} {
		fmt.Fprintf(&out, `<circle cx="%.0f" cy="18" r="5.5" fill="%s"/>`, margin+6+18*float64(i), fill)
	}
	fmt.Fprintf(&out, `<defs>%s<clipPath id="c"><rect width="%.0f" height="%.0f"/></clipPath></defs>`, defs.String(), width, strip)
	fmt.Fprintf(&out, `<g transform="translate(%.0f %.0f)" clip-path="url(#c)"><g class="film">%s</g></g></svg>`+"\n", margin, margin+bar, body.String())
	return out.Bytes()
}

var sgr = regexp.MustCompile("\x1b\\[([0-9;]*)m")

// drawn is a line of text with colours. Each piece of one style has its own place, so that
// no other font can shift the columns.
func drawn(text string) string {
	var out strings.Builder
	style := struct {
		colour string
		bold   bool
		faint  bool
	}{}
	column := 0.0
	piece := func(text string) {
		// Emoji are drawn by fonts of other widths.
		for text != "" {
			part, rest := run(text)
			text = rest
			if strings.TrimSpace(part) != "" {
				fmt.Fprintf(&out, `<text x="%s" y="13"`, strconv.FormatFloat(column*cell, 'f', -1, 32))
				if style.bold {
					out.WriteString(` class="b"`)
				}
				if fill := cmp.Or(style.colour, map[bool]string{true: "#8b93a1"}[style.faint]); fill != "" {
					fmt.Fprintf(&out, ` fill="%s" style="fill:%s"`, fill, fill)
				}
				fmt.Fprintf(&out, `>%s</text>`, escaped(strings.TrimRight(part, " ")))
			}
			column += float64(uniseg.StringWidth(part))
		}
	}
	for text != "" {
		at := sgr.FindStringSubmatchIndex(text)
		if at == nil {
			piece(text)
			break
		}
		piece(text[:at[0]])
		for code := range strings.SplitSeq(text[at[2]:at[3]], ";") {
			n, _ := strconv.Atoi(code) // an empty one is 0
			switch {
			case n == 0:
				style.colour, style.bold, style.faint = "", false, false
			case n == 1:
				style.bold = true
			case n == 2:
				style.faint = true
			case n == 22:
				style.bold, style.faint = false, false
			case n == 39:
				style.colour = ""
			case colours[n] != "":
				style.colour = colours[n]
			}
		}
		text = text[at[1]:]
	}
	return out.String()
}

// run cuts off the first characters that one font draws: emoji, or others.
func run(text string) (first, rest string) {
	end, emoji := 0, false
	for state, left := -1, text; left != ""; {
		var cluster string
		var width int
		cluster, left, width, state = uniseg.FirstGraphemeClusterInString(left, state)
		is := width > 1 || slices.Contains([]rune(cluster), 0xFE0F)
		if end > 0 && (is || emoji) {
			break
		}
		emoji = is
		end += len(cluster)
	}
	return text[:end], text[end:]
}

func escaped(text string) string {
	var out bytes.Buffer
	_ = xml.EscapeText(&out, []byte(text)) // a buffer takes all
	return out.String()
}
