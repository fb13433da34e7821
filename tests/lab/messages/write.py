#!/usr/bin/python3
"""Messages of our own writing, for where npm cannot bring the public corpus.

usage: write.py DIR         writes DIR/spam-1/*.eml and DIR/easy-ham-1/*.eml, always the same ones
"""

import email.utils
import pathlib
import random
import sys

SPAM = {
    "from": ["Best Deals <offer{n}@bargains{n}.test>", "Dr. Slim <health{n}@pills{n}.test>", "Lottery Office <win{n}@prizes{n}.test>"],
    "subject": ["You have been selected, claim your prize", "Cheap pills without prescription", "Lose weight FAST, guaranteed",
                "Refinance your mortgage at the lowest rates", "Work from home and earn $5000 a week", "Your account needs urgent verification"],
    "line": ["Act now, this offer expires tonight and will not be repeated!", "Click here: http://bargains{n}.test/buy?id={n}",
             "100% free trial, no risk, money back guarantee.", "Order cheap pills online, no prescription needed, discreet shipping.",
             "Congratulations, you are the lucky winner of our international lottery.", "Earn money from home, no experience required!",
             "Refinance now and save thousands of dollars on your mortgage.", "Limited time only, call our toll free number today.",
             "To be removed from this mailing click http://bargains{n}.test/remove", "Lose 30 pounds in 30 days or your money back."],
}
HAM = {
    "from": ["Marie Duval <marie@office.test>", "Tom Becker <tom@office.test>", "Garden Club <news@garden.test>"],
    "subject": ["Minutes of Tuesday's meeting", "Lunch on Friday?", "Draft of chapter {n}", "Re: the broken printer",
                "Photos from the hike", "Train times for next week"],
    "line": ["I have put the notes into the shared folder, please have a look before Thursday.", "Could you send me the figures for March?",
             "The printer on the second floor works again, thanks to Paul.", "We meet at the station at a quarter past nine.",
             "Chapter {n} still needs a paragraph about the old bridge.", "The tomatoes should be planted out after the last frost.",
             "Thanks for your patch, I have two remarks about the error handling.", "My mother says hello and asks about the recipe.",
             "Let us move the review to Wednesday, Anna is away on Tuesday.", "The tests pass now, I will merge it tonight."],
}


def message(rng, kind, number):
    def pick(part):
        return rng.choice(kind[part]).format(n=number)

    head = [
        "From: " + pick("from"),
        "To: somebody@example.test",
        "Subject: " + pick("subject"),
        "Date: " + email.utils.formatdate(1100000000 + 3600 * number),
        f"Message-ID: <{number}.{rng.getrandbits(64):x}@writing.test>",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=us-ascii",
    ]
    body = [line.format(n=number) for line in rng.sample(kind["line"], 5)]
    return "\n".join(head + ["", *body, ""])


def main():
    target = pathlib.Path(sys.argv[1])
    rng = random.Random(1)
    for folder, kind, count in (("spam-1", SPAM, 100), ("easy-ham-1", HAM, 100)):
        (target / folder).mkdir(parents=True, exist_ok=True)
        for number in range(1, count + 1):
            (target / folder / f"{number:05}.eml").write_text(message(rng, kind, number))


main()
