package main

import (
	"context"
	"fmt"

	"github.com/realmport/realmport/internal/config"
)

type configCmd struct {
	Check configCheckCmd `cmd:"" help:"Name every problem of the configuration at once, with key, value and rule; or print the settings that hold."`
}

type configCheckCmd struct{ settingFlags }

func newConfigCmd() configCmd { return configCmd{configCheckCmd{newSettingFlags()}} }

// Run checks the configuration, and the folders that it names. It connects to nothing.
func (c *configCheckCmd) Run(ctx context.Context, m *Main) error {
	cfg, err := c.load(m)
	if err != nil {
		return err
	}
	if err := cfg.Check(ctx); err != nil {
		return err
	}
	for _, w := range cfg.Warnings {
		fmt.Fprintf(m.Stderr, "realmport: warning: %s\n", w)
	}
	for _, v := range cfg.Values() {
		fmt.Fprintln(m.Stdout, settingLine(v))
	}
	return nil
}

// settingLine is a setting with where it is from, if anybody gave it.
func settingLine(v config.Value) string {
	line := v.Key + ": " + v.Text
	if v.Where != "" {
		line += "  # " + v.Where
	}
	return line
}
