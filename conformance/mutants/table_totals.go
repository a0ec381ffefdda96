package mutants

// totals are defects of the other tables, seen through the metrics alone. A total
// does not tell which event had an effect, and yet each defect must fail what
// it concerns and nothing else; least of all may a receiver be accused of
// effects of what it is free to take.
var totals = []Mutant{
	inTotals("no-dedupe", "IDEM-02", "IDEM-03", "IDEM-04", "IDEM-05", "IDEM-06", "IDEM-08", "MET-03"),
	inTotals("looks-up-then-records", "IDEM-03"),
	inTotals("memory-only-dedupe", "IDEM-06"),
	inTotals("dedupe-on-content", "IDEM-08"),
	inTotals("dedupe-on-appointment", "IDEM-09"),
	inTotals("invalid-id-used-up", "IDEM-10"),
	inTotals("processes-despite-wrong-signature", "SIG-20", "MET-03"),
	inTotals("refused-id-used-up", "SIG-21"),
	inTotals("accepts-junk-after-signature", "SIG-22"),
	inTotals("accepts-one-good-header-of-two", "SIG-23"),
	inTotals("accepts-missing-created", "VAL-05"),
	inTotals("accepts-any-appointment", "VAL-07"),
	inTotals("processes-what-it-refuses-as-invalid", "VAL-11", "VAL-12"),
	inTotals("processes-unknown-types", "VAL-06", "VAL-12"),
}

func inTotals(defect string, caught ...string) Mutant {
	return Mutant{Name: defect + "-in-totals", Defect: defect, Wrong: "The same, where the metrics are the only observer.", Caught: caught, Totals: true}
}
