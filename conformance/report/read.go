package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Read reads a report that WriteDir or WriteJSON wrote: path is report.json, or
// the folder that holds it. dir is that folder. A document of another version,
// or one that contradicts itself, is an error that says where.
func Read(path string) (r Report, dir string, err error) {
	if info, statErr := os.Stat(path); statErr == nil && info.IsDir() {
		path = filepath.Join(path, "report.json")
	}
	text, err := os.ReadFile(path) //nolint:gosec // the user names the file
	if err != nil {
		return r, "", fmt.Errorf("report: %w", err)
	}
	if r, err = parse(text); err != nil {
		return Report{}, "", fmt.Errorf("report: %s: %w", path, err)
	}
	return r, filepath.Dir(path), nil
}

func parse(text []byte) (Report, error) {
	var r Report
	if err := json.Unmarshal(text, &r); err != nil {
		return r, placed(text, err)
	}
	if r.Version != Version {
		return r, fmt.Errorf("version %d of the format; this hookcheck reads version %d", r.Version, Version)
	}
	for i, requirement := range r.Requirements {
		if requirement.ID == "" {
			return r, fmt.Errorf("requirements[%d] has no id", i)
		}
		for j, f := range requirement.Findings {
			for _, e := range f.Evidence {
				if e < 0 || e >= len(requirement.Evidence) {
					return r, fmt.Errorf("%s: findings[%d] refers to evidence %d of %d", requirement.ID, j, e, len(requirement.Evidence))
				}
			}
		}
	}
	return r, nil
}

// placed adds the line to an error of the JSON decoder.
func placed(text []byte, err error) error {
	var (
		syntax *json.SyntaxError
		kind   *json.UnmarshalTypeError
		offset int64
	)
	switch {
	case errors.As(err, &syntax):
		offset = syntax.Offset
	case errors.As(err, &kind):
		offset = kind.Offset
		err = fmt.Errorf("%s: expected %s, not %s", kind.Field, kind.Type, kind.Value)
	default:
		return err
	}
	before := text[:min(max(offset, 0), int64(len(text)))]
	return fmt.Errorf("line %d: %w", 1+bytes.Count(before, []byte("\n")), err)
}
