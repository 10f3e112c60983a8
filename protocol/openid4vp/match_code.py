"""Two words that a person compares on the verifier's screen and in the wallet (docs/formats/match-code.md).

    RIVER-LAMP

They follow from who asks and from the nonce of the request. Equal words say that both screens show the same
request, and no more: who passes on the very request passes on its words.
"""

import hashlib

_WORDS = """
    acorn album almond amber anchor ankle apple apron arch arrow aspen atlas autumn badge bagel bamboo
    banjo barn basil beach bell berry bike bison blade bonnet book bottle bowl bread brick broom
    brush bucket button cabin cactus camel candle carpet castle cedar cello chair cherry circle cliff clock
    coast cobra coffee comet copper coral cotton crane crow cup dagger daisy dancer delta desert diary
    dinner donkey door dragon drum duck dune eagle earth elbow engine fabric falcon farmer fern field
    finger flag flute fog forest fossil frame frost galaxy garden gate glass globe goose grape guitar
    gull hammer harbor hazel helmet heron hill honey hood horn hotel house igloo insect iris island
    ivory jacket jaguar jelly jewel jigsaw jungle kayak kennel kettle kitten kiwi koala ladder lagoon lamp
    laptop laurel lemon letter lilac lime linen lion lizard llama lotus lunch magnet mango maple marble
    meadow melon mint mirror mole moon moth muffin museum nectar needle nest nickel north nugget oak
    oasis ocean olive onion orange orbit orchid otter oval oyster palace panda paper parrot pebble pencil
    pepper piano pigeon pillow planet plum poem poppy potato python quartz quilt rabbit radish raft ranch
    raven record reef ribbon rice river robin roof rope ruby rudder salmon sandal satin scout sea
    shadow sheep shovel silver skate sled snow soap sofa spoon spruce stone sugar summer swan syrup
    table teapot temple tennis thumb ticket tiger timber tomato tower trout tulip tunnel turtle twig valley
    velvet violin voyage wagon walnut whale wheat window wolf wool wren yacht yogurt zebra zinc zipper
"""
# So many that a byte chooses one without bias. That they are short and unlike each other counts for more than
# how many there are: no two begin with the same three letters.
WORDS = tuple(_WORDS.split())
_DOMAIN = b"tallystick-match-code-v1"


def match_code(client_id: str, nonce: str) -> str:
    """The match code of a request of `client_id` (in full, prefix included), such as `RIVER-LAMP`."""
    digest = hashlib.sha256(b"\n".join((_DOMAIN, client_id.encode(), nonce.encode()))).digest()
    return f"{WORDS[digest[0]]}-{WORDS[digest[1]]}".upper()
