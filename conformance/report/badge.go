package report

import (
	"fmt"
	"html"
	"io"
	"strings"
)

// WriteBadge writes the verdict as a picture for a README: what was certified
// against, the verdict, and what it is about. It holds no script, no font and
// no link, and says the same to those who hear it.
func (r Report) WriteBadge(w io.Writer) error {
	colour := map[string]string{Conformant: "#116329", NonConformant: "#a40e26"}[r.Verdict]
	if colour == "" {
		colour = "#57606a"
	}
	about := r.Profile
	if r.Strict {
		about += ", strict"
	}
	if r.Partial != "" {
		about += ", in part"
	}
	left, right := "moncreneau webhooks", Visible(r.Verdict+" · "+about)
	leftWidth, rightWidth := badgeWidth(left), badgeWidth(right)
	title := html.EscapeString(left + ": " + right)
	_, err := fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="%[1]d" height="20" role="img" aria-label="%[2]s">
<title>%[2]s</title>
<clipPath id="round"><rect width="%[1]d" height="20" rx="3"/></clipPath>
<g clip-path="url(#round)"><rect width="%[3]d" height="20" fill="#3b434b"/><rect x="%[3]d" width="%[4]d" height="20" fill="%[5]s"/></g>
<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">
<text x="%[6]d" y="14" textLength="%[7]d">%[8]s</text>
<text x="%[9]d" y="14" textLength="%[10]d">%[11]s</text>
</g>
</svg>
`, leftWidth+rightWidth, title, leftWidth, rightWidth, colour,
		leftWidth/2, leftWidth-badgePadding, html.EscapeString(left),
		leftWidth+rightWidth/2, rightWidth-badgePadding, html.EscapeString(right))
	return err
}

const badgePadding = 12 // pixels, both sides together

// badgeWidth is about as wide as the text is in Verdana at 11 pixels;
// textLength makes every font fit it.
func badgeWidth(text string) int {
	width := 0.0
	for _, c := range text {
		switch {
		case strings.ContainsRune("ijl,.·", c):
			width += 3.3
		case strings.ContainsRune("tfr- ", c):
			width += 4.4
		case strings.ContainsRune("mw", c):
			width += 10
		default:
			width += 6.6
		}
	}
	return int(width) + badgePadding
}
