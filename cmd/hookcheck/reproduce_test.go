package main

import "testing"

func TestReproduceRepeatsTheRunAndTellsNoSecret(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"the seed is added", []string{"certify", "-c", "a.yaml"}, "hookcheck certify -c a.yaml --seed=7"},
		{"another seed is replaced", []string{"certify", "--seed", "3", "--strict", "--seed=4"}, "hookcheck certify --strict --seed=7"},
		{"where the result goes is left out", []string{"certify", "--report", "out", "--report=out", "-q", "-f", "json", "--only", "SIG-01"}, "hookcheck certify --only SIG-01 --seed=7"},
		{"words of the shell are quoted", []string{"certify", "--exec", "node it's.mjs"}, `hookcheck certify --exec 'node it'\''s.mjs' --seed=7`},
		{"a template is kept", []string{"certify", "--env", "WEBHOOK_SECRET={{.Secret}}"}, "hookcheck certify --env 'WEBHOOK_SECRET={{.Secret}}' --seed=7"},
		{"a secret is not", []string{"certify", "--env=WEBHOOK_SECRET=whsec_1"}, "hookcheck certify '--env=WEBHOOK_SECRET=[secret]' --seed=7"},
		{"a URL is kept", []string{"certify", "--url", "http://127.0.0.1:8080/a:b@c"}, "hookcheck certify --url http://127.0.0.1:8080/a:b@c --seed=7"},
		{"its password is not", []string{"certify", "--url", "https://me:hunter2@example.org/"}, "hookcheck certify --url 'https://me:[secret]@example.org/' --seed=7"},
		{"the file with the secret is only named", []string{"certify", "--secret-file=it.txt"}, "hookcheck certify --secret-file=it.txt --seed=7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := reproduce(c.args, 7); got != c.want {
				t.Errorf("\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}
