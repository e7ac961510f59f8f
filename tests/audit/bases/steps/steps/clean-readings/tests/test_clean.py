import csv


def rows(path):
    with open(path, newline="") as file:
        return list(csv.reader(file))


def is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def test_clean():
    header, *readings = rows("/app/readings.csv")
    seen, expected = set(), [header]
    for time, value in readings:
        if is_number(value) and time not in seen:
            seen.add(time)
            expected.append([time, value])
    assert rows("/app/clean.csv") == expected
