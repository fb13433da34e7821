#!/usr/bin/env python3
"""What the site dictionary is worth to a new user, and what users who poison it achieve, on the public corpus.

usage: seeding.py SPAMTRAIN CORPUS [SEED...]     (CORPUS: as tests/corpus.sh brings it; seeds 1 2 3)

The shuffled corpus is dealt out to TEACHERS users, who correct every wrong verdict, and to STARTERS new ones. Each of these begins with an
empty filter, with the site dictionary, and with one that so many users have poisoned who teach all innocent mail they get as spam. Reported
are the first FIRST and all messages of the new users together.
"""
import os
import random
import subprocess
import sys
import tempfile

TEACHERS, EACH = 10, 400
STARTERS, MESSAGES, FIRST = 6, 300, 100
POISONERS, POISONED = 2, 200  # one less than site_dictionary_users; messages of each


class Bench:
    def __init__(self, spamtrain, corpus, work, seed):
        self.spamtrain, self.work, self.seed = spamtrain, work, seed
        subprocess.run(
            [sys.executable, os.path.join(os.path.dirname(__file__), "corpus-index.py"), corpus, work, str(seed)], check=True
        )
        with open(f"{work}/index.{seed}") as index:
            self.lines = index.readlines()

    def run(self, *arguments):
        return subprocess.run([self.spamtrain, *arguments], check=True, stdout=subprocess.PIPE).stdout.decode()

    def write(self, name, lines):
        path = f"{self.work}/{name}"
        with open(path, "w") as file:
            file.writelines(lines)
        return path

    def site(self, name):
        """A site without users; returns the options that name it."""
        folder = f"{self.work}/{name}"
        os.makedirs(f"{folder}/users/example.test")
        self.write(f"{name}/main.cf", [f"state_directory = {folder}\n", "lda_user = root\n", "site_dictionary = yes\n"])
        return ["-c", folder], folder

    def teacher(self, folder, number):
        index = self.write("teacher", self.lines[number * EACH : (number + 1) * EACH])
        store = f"{self.work}/store"
        self.run("evaluate", "--index", index, "--store", store, "--results", "/dev/null")
        os.rename(f"{store}/localhost/evaluate", f"{folder}/users/example.test/teacher{number}")
        os.rmdir(f"{store}/localhost")
        os.rmdir(store)

    def poisoner(self, options, number, messages):
        self.run(*options, "train", f"poisoner{number}@example.test", "spam", *messages)

    def starter(self, number, *options):
        first = TEACHERS * EACH + number * MESSAGES
        index = self.write("starter", self.lines[first : first + MESSAGES])
        results = f"{self.work}/results"
        self.run("evaluate", "--index", index, "--results", results, *options)
        with open(results) as file:
            return [line.split() for line in file]


def rates(results):
    ham = [verdict for gold, _, verdict in results if gold == "ham"]
    spam = [verdict for gold, _, verdict in results if gold == "spam"]
    return f"{spam.count('spam'):4} of {len(spam)} spam caught, {ham.count('spam')} of {len(ham)} ham wrong"


def report(name, starters):
    first = [row for results in starters for row in results[:FIRST]]
    print(f"  {name:30} first {FIRST}: {rates(first)}; all {MESSAGES}: {rates([r for results in starters for r in results])}", flush=True)


def main():
    spamtrain, corpus = os.path.abspath(sys.argv[1]), sys.argv[2]
    for seed in [int(text) for text in sys.argv[3:]] or [1, 2, 3]:
        with tempfile.TemporaryDirectory() as work:
            bench = Bench(spamtrain, corpus, work, seed)
            options, folder = bench.site("site")
            for number in range(TEACHERS):
                bench.teacher(folder, number)
            print(f"seed {seed}\n" + bench.run(*options, "site", "rebuild"), end="")
            dictionary = f"{folder}/users/.site/dictionary"
            report("from nothing", [bench.starter(n) for n in range(STARTERS)])
            report("from the site dictionary", [bench.starter(n, "--site", dictionary) for n in range(STARTERS)])
            target = [line for line in bench.lines[TEACHERS * EACH :] if line.startswith("ham")]
            random.Random(seed).shuffle(target)
            for count in (1, POISONERS):
                messages = [line.split("\t")[1].strip() for line in target[:POISONED]]
                bench.poisoner(options, count, messages)
                bench.run(*options, "site", "rebuild")
                report(f"poisoned by {count}", [bench.starter(n, "--site", dictionary) for n in range(STARTERS)])


if __name__ == "__main__":
    main()
