package observe

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Count runs the command. It is an error if it prints anything but a number.
func (c Command) Count(ctx context.Context, eventID string) (int, error) {
	text, err := c.Run(ctx, eventID)
	if err != nil {
		return 0, fmt.Errorf("observe.command: %w", err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || n < 0 {
		return 0, fmt.Errorf("observe.command: expected a count on standard output, got %.60q", text)
	}
	return n, nil
}
