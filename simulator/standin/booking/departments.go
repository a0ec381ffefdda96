package booking

import (
	"slices"
	"strings"
	"time"

	"github.com/moncreneau/hookcheck/simulator/standin/problem"
)

// Organization owns departments.
type Organization struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

// Department is where appointments take place.
type Department struct {
	ID           int64        `json:"id"`
	Name         string       `json:"name"`
	Description  string       `json:"description"`
	Organization Organization `json:"organization"`
	// SlotDuration is the length of a slot, in minutes.
	SlotDuration int  `json:"slotDuration"`
	IsActive     bool `json:"isActive"`
	// OpeningHours are by weekday, lower-case English; days without hours are left out.
	OpeningHours map[string][]Hours `json:"openingHours"`
}

// Hours is a time of day in which a department is open, as 15:04.
type Hours struct {
	Start string `json:"start"`
	End   string `json:"end"`
}

// Departments is what the stand-in offers, always the same. They are open every
// day and there is one with id 5, because the samples of moncreneau's client
// libraries book department 5, and one of them on a Sunday.
func Departments() []Department {
	clinic := Organization{ID: 1, Name: "Clinique Étoile de Conakry"}
	townHall := Organization{ID: 2, Name: "Guichet municipal de Kindia"}
	return []Department{
		department(1, "Consultation générale", "Médecine générale, sans spécialité", clinic, 30),
		department(2, "Pédiatrie", "Enfants jusqu'à 15 ans", clinic, 30),
		department(3, "Laboratoire", "Prises de sang et analyses", clinic, 15),
		department(4, "État civil", "Naissances, mariages, décès", townHall, 20),
		department(5, "Vaccination", "Carnet de vaccination et rappels", clinic, 30),
		department(6, "Légalisation", "Copies certifiées conformes", townHall, 20),
	}
}

func department(id int64, name, description string, organization Organization, minutes int) Department {
	hours := map[string][]Hours{}
	for day := time.Sunday; day <= time.Saturday; day++ {
		open := []Hours{{Start: "08:00", End: "12:00"}, {Start: "13:00", End: "17:00"}}
		if day == time.Saturday || day == time.Sunday {
			open = []Hours{{Start: "09:00", End: "13:00"}}
		}
		hours[weekday(day)] = open
	}
	return Department{ID: id, Name: name, Description: description, Organization: organization,
		SlotDuration: minutes, IsActive: true, OpeningHours: hours}
}

func weekday(d time.Weekday) string { return strings.ToLower(d.String()) }

// Access is which departments a caller may see and book. The zero value is all
// of them.
type Access struct {
	OrganizationID int64   // 0: every one
	Departments    []int64 // empty: every one
}

// Department is the department with that id, if there is one and a may see it.
func (a Access) Department(id int64) (Department, error) {
	for _, d := range Departments() {
		if d.ID != id {
			continue
		}
		if a.OrganizationID != 0 && a.OrganizationID != d.Organization.ID {
			return d, problem.New(problem.OrganizationMismatch, "department %d belongs to another organization than the API key", id)
		}
		if len(a.Departments) > 0 && !slices.Contains(a.Departments, id) {
			return d, problem.New(problem.DepartmentAccessDenied, "the API key has no access to department %d", id)
		}
		return d, nil
	}
	return Department{}, problem.New(problem.DepartmentNotFound, "there is no department %d", id).With("departmentId", id)
}

// All lists the departments that a may see.
func (a Access) All() []Department {
	return slices.DeleteFunc(Departments(), func(d Department) bool {
		_, err := a.Department(d.ID)
		return err != nil
	})
}

// ids are those of All, or nil when nothing is kept from a.
func (a Access) ids() []int64 {
	if a.OrganizationID == 0 && len(a.Departments) == 0 {
		return nil
	}
	ids := []int64{-1} // an Access to nothing lists nothing, not everything
	for _, d := range a.All() {
		ids = append(ids, d.ID)
	}
	return ids
}
